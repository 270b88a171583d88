// The API's routes, from its own OpenAPI document.

const answer = await fetch("/openapi/openapi.json");
const { paths } = await answer.json();
const rows = [];
for (const [path, methods] of Object.entries(paths)) {
  for (const [method, about] of Object.entries(methods)) {
    const row = document.createElement("tr");
    const parameters = (about.parameters ?? []).filter((item) => item.in === "query");
    const texts = [method.toUpperCase(), path, about.summary ?? "", parameters.map((item) => item.name).join(", ")];
    for (const text of texts) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    rows.push(row);
  }
}
document.getElementById("routes").replaceChildren(...rows);
