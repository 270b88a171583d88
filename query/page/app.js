// The page: polls the API once a second and keeps the table in place. All text from players goes
// through textContent, so nothing that they are called can become markup.

const POLL_MS = 1000;
const AWAY_MS = 3000;
const GLIDE_MS = 450;
const ANSWER_MS = 5000;
const TYPING_MS = 150;
const SHOWN = 100;
const PAST_SHOWN = 4;

const at = (id) => document.getElementById(id);
const grouped = new Intl.NumberFormat("en-US");
const money = (amount) => grouped.format(amount).replaceAll(",", "\u2009");
const still = matchMedia("(prefers-reduced-motion: reduce)");

let prizes = new Map();
let endsAt = null;
let clockAhead = 0;
let season = 0;
let followed = null;
let pastSeason = 0;
let poolShown = 0;
let liveAt = null;
let waiting = 0;

// What the API answered, by path: an unchanged answer costs a 304 and no parsing.
const known = new Map();

async function read(path) {
  const before = known.get(path);
  const headers = before?.etag ? { "If-None-Match": before.etag } : {};
  const answer = await fetch(path, { headers, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
  if (answer.status === 304) return before.body;
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.detail), { status: answer.status });
  const etag = answer.headers.get("etag");
  if (etag) known.set(path, { etag, body });
  return body;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function flag(country) {
  if (!/^[A-Z]{2}$/.test(country)) return "";
  return String.fromCodePoint(...[...country].map((letter) => 0x1f1a5 + letter.charCodeAt(0)));
}

const shownName = (entry) => entry.name || entry.username || entry.player;

// The board.

function makeRow(entry) {
  const row = element("tr");
  row.dataset.player = entry.player;
  row.append(element("td", "place"), element("td", "move"), element("td", "who"),
    element("td", "number money"), element("td", "number prize"));
  const name = element("a", "name");
  name.href = `?player=${encodeURIComponent(entry.player)}`;
  row.children[2].append(element("span", "flag"), name, element("span", "about"));
  row.children[3].append(element("span"), element("span", "prize-below"));
  return row;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showMove(cell, change) {
  const kind = change === null ? "new" : change > 0 ? "up" : change < 0 ? "down" : "same";
  const text = { new: "new", up: `▲ ${change}`, down: `▼ ${-change}`, same: "–" }[kind];
  const told = {
    new: "new on the board", up: `up ${change}`, down: `down ${-change}`, same: "unchanged",
  }[kind];
  put(cell, text);
  cell.className = `move ${kind === "new" ? "same" : kind}`;
  cell.setAttribute("aria-label", told);
}

function fillRow(row, entry, paid) {
  const [place, move, who, amount, prize] = row.children;
  put(place, String(entry.rank));
  showMove(move, entry.change);
  const [flagged, name, about] = who.children;
  put(flagged, flag(entry.country));
  flagged.setAttribute("aria-label", entry.country);
  flagged.setAttribute("role", "img");
  flagged.hidden = !entry.country;
  put(name, shownName(entry));
  put(about, entry.team || (entry.name ? entry.username : ""));
  const [sum, below] = amount.children;
  put(sum, money(entry.money));
  put(prize, paid ? money(paid) : "");
  put(below, paid ? money(paid) : "");
  row.className = { 1: "first", 2: "second", 3: "third" }[entry.rank] ?? "";
  if (entry.player === followed) row.classList.add("me");
}

// What each player of a rank would be paid now: players who tie share their places. One entry more
// than is shown tells whether the last tie goes on; then its share is not known and stays empty.
function shares(entries) {
  const tied = new Map();
  for (const entry of entries) tied.set(entry.rank, (tied.get(entry.rank) ?? 0) + 1);
  const goesOn = entries.length > SHOWN && entries[SHOWN].rank <= SHOWN ? entries[SHOWN].rank : null;
  const share = new Map();
  for (const [rank, players] of tied) {
    let sum = 0;
    for (let place = rank; place < rank + players; place += 1) sum += prizes.get(place) ?? 0;
    if (rank !== goesOn) share.set(rank, Math.floor(sum / players));
  }
  return share;
}

function showBoard(board) {
  const body = at("rows");
  const rows = new Map([...body.children].map((row) => [row.dataset.player, row]));
  const tops = new Map([...rows].map(([player, row]) => [player, row.offsetTop]));
  const share = shares(board.entries);
  const ordered = board.entries.slice(0, SHOWN).map((entry) => {
    const row = rows.get(entry.player) ?? makeRow(entry);
    fillRow(row, entry, entry.money > 0 ? share.get(entry.rank) : 0);
    return row;
  });
  if (ordered.some((row, index) => body.children[index] !== row) || body.children.length !== ordered.length) {
    const focused = document.activeElement;
    body.replaceChildren(...ordered);
    if (body.contains(focused)) focused.focus({ preventScroll: true }); // a moved row loses it
    if (!still.matches) for (const row of ordered) glide(row, tops.get(row.dataset.player));
  }
  put(at("players"), money(board.players));
  put(at("position"), `record ${money(board.position.reduce((sum, n) => sum + n, 0))}`);
  at("board").hidden = ordered.length === 0;
  at("empty").hidden = ordered.length > 0;
}

function glide(row, top) {
  if (top === undefined) {
    row.animate([{ opacity: 0 }, { opacity: 1 }], GLIDE_MS);
  } else if (top !== row.offsetTop) {
    row.animate([{ transform: `translateY(${top - row.offsetTop}px)` }, { transform: "none" }],
      { duration: GLIDE_MS, easing: "cubic-bezier(.2,.8,.2,1)" });
  }
}

// The pool and the countdown.

function showPool(pool) {
  prizes = new Map(pool.places.map((place) => [place.place, place.amount]));
  endsAt = pool.ends_at_ms;
  clockAhead = pool.time_ms - Date.now();
  if (pool.season !== season) { season = pool.season; poolShown = pool.pool; }
  put(at("season-label"), endsAt === null ? "Season" : `Season ${season} ends in`);
  countTo(pool.pool);
}

function countTo(pool) {
  const from = poolShown, began = performance.now();
  poolShown = pool;
  if (still.matches || from === pool) { put(at("pool"), money(pool)); return; }
  const step = (now) => {
    if (poolShown !== pool) return;
    const part = Math.min(1, (now - began) / (POLL_MS * 0.9));
    put(at("pool"), money(Math.round(from + (pool - from) * part)));
    if (part < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function showCountdown() {
  if (endsAt === null) { put(at("countdown"), season ? `${season}` : "–"); return; }
  const left = Math.max(0, Math.round((endsAt - Date.now() - clockAhead) / 1000));
  const days = Math.floor(left / 86400), hours = Math.floor(left / 3600) % 24;
  const two = (value) => String(value).padStart(2, "0");
  const clock = `${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
  put(at("countdown"), left === 0 ? "closing" : days ? `${days} d ${hours} h` : hours ? `${hours}:${clock}` : clock);
}

// Past seasons.

async function showPast() {
  const { seasons } = await read("/v1/seasons");
  const closed = seasons.filter((item) => item.state === "closed").slice(0, PAST_SHOWN);
  if (!closed.length || closed[0].season === pastSeason) return;
  const cards = await Promise.all(closed.map(async (item) => {
    const { entries } = await read(`/v1/seasons/${item.season}/standings?limit=3`);
    const card = element("div", "past");
    const title = element("h3", "", `Season ${item.season}`);
    title.append(element("span", "", `${money(item.paid)} paid`));
    const list = element("ol");
    for (const entry of entries) {
      const line = element("li", "", `${flag(entry.country)} ${shownName(entry)}`.trim());
      line.append(element("span", "", money(entry.money)));
      list.append(line);
    }
    card.append(title, list);
    return card;
  }));
  at("past").replaceChildren(...cards);
  pastSeason = closed[0].season;
}

// A player.

// Looks up what was typed: a username, or else an id.
async function look(text) {
  try {
    const { players } = await read(`/v1/players?username=${encodeURIComponent(text)}`);
    await follow(players[0]?.player ?? text);
  } catch (error) {
    put(at("find-note"), error.status === 404 ? `No player is called ${text}.` : "Not available now.");
  }
}

async function follow(player) {
  followed = player;
  try {
    await showPlayer();
  } catch (error) {
    if (error.status === 404 && followed === player) { followed = null; at("profile").hidden = true; }
    throw error;
  }
  put(at("find-note"), "");
  history.replaceState(null, "", `?player=${encodeURIComponent(player)}`);
}

async function showPlayer() {
  const player = followed;
  if (player === null) return;
  const path = `/v1/players/${encodeURIComponent(player)}`;
  const [profile, { seasons }] = await Promise.all([read(path), read(`${path}/seasons`)]);
  const around = profile.rank === null ? { entries: [] } : await read(`${path}/rank?above=3&below=2`);
  if (player !== followed) return; // another was looked up meanwhile
  put(at("profile-name"), `${flag(profile.country)} ${shownName(profile)}`.trim());
  put(at("profile-about"), [profile.username, profile.team].filter(Boolean).join(" · "));
  const facts = {
    rank: profile.rank === null ? "–" : `${profile.rank}`, money: money(profile.money),
    career: money(profile.career), prizes: money(profile.prizes),
    best: profile.best_rank === null ? "–" : `${profile.best_rank}`, seasons: `${profile.seasons}`,
  };
  for (const [name, value] of Object.entries(facts)) put(at(`profile-${name}`), value);
  at("around").replaceChildren(...around.entries.map((entry) => {
    const row = line(`${entry.rank}`, shownName(entry), money(entry.money));
    if (entry.player === player) row.classList.add("me");
    return row;
  }));
  at("results").replaceChildren(...seasons.slice(0, 8).map((item) =>
    line(`Season ${item.season}`, `place ${item.rank}${item.prize ? `, prize ${money(item.prize)}` : ""}`, money(item.money))));
  at("profile").hidden = false;
}

function line(first, second, third) {
  const row = element("tr");
  row.append(element("td", "", first), element("td", "", second), element("td", "number", third));
  return row;
}

async function suggest(text) {
  const { players } = await read(`/v1/players?prefix=${encodeURIComponent(text)}`);
  at("suggestions").replaceChildren(...players.slice(0, 8).map((player) => {
    const option = element("option");
    option.value = player.username;
    return option;
  }));
}

// The loop.

function showState(kind, text) {
  at("state").className = kind;
  put(at("state-text"), text);
}

async function poll() {
  if (document.hidden) return; // visibilitychange goes on
  let pause = POLL_MS;
  try {
    const [pool, board] = await Promise.all([
      read("/v1/prizepool"), read(`/v1/leaderboard?limit=${SHOWN + 1}`),
    ]);
    showPool(pool);
    showBoard(board);
    liveAt = new Date();
    showState("live", "live");
    // These need the archive, too; without it the board is live all the same.
    await Promise.allSettled([showPast(), showPlayer()]);
  } catch (error) {
    const since = liveAt === null ? "" : `, figures of ${liveAt.toLocaleTimeString()}`;
    showState("away", `reconnecting${since}`);
    pause = AWAY_MS;
  }
  clearTimeout(waiting);
  waiting = setTimeout(poll, pause);
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(waiting);
  waiting = setTimeout(poll, 0);
});
at("rows").addEventListener("click", (event) => {
  const row = event.target.closest("a") && event.target.closest("tr");
  if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  follow(row.dataset.player).catch(() => put(at("find-note"), "Not available now."));
});

at("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = at("username").value.trim();
  if (text) look(text);
});
let typed = 0;
at("username").addEventListener("input", (event) => {
  clearTimeout(typed);
  const text = event.target.value.trim();
  if (text) typed = setTimeout(() => suggest(text).catch(() => {}), TYPING_MS);
});
setInterval(showCountdown, 250);
const asked = new URLSearchParams(location.search).get("player");
if (asked) { at("username").value = asked; follow(asked).catch(() => look(asked)); }
poll();
