/*
 * The core of exactly-once for spin: an outbox, its requests under way, fence and log, a replica,
 * an archiver, two restorers, two projectors, and a budget of failures. tests/simulation/model.py
 * has more of it; this is a second telling, in another language, for another checker.
 *
 * One lane, so a record's number is its event's seq (asserted at each append). The era of a record
 * (failovers and losses before it was appended) stands for its chain. A Restored record is no entry
 * here: `claimed`, how many stand in the archive, is part of a segment's key, and the incarnation of
 * the log must be it before anything follows the archive.
 *
 * Rules are broken by -D: NO_CONTIGUITY, DROP_AT_ACK, MARK_FROM_FENCE, NO_COMPARE,
 * NO_FENCE_RESTORED, NO_RESEND.
 */

#ifndef EVENTS
#define EVENTS 2
#endif
#ifndef FAILURES
#define FAILURES 2
#endif
#ifndef RESTORERS
#define RESTORERS 1
#endif
#ifndef PROJECTORS
#define PROJECTORS 1
#endif
#define ROOM EVENTS /* a record more than there are events is caught before it is appended */

typedef Log { byte n; byte era[ROOM] }
typedef Server { /* what one log server has of the partition */
	Log log; byte fence; byte marked; byte incarnation; byte checkpoint; byte board[ROOM]
}

Server primary, replica;
Log archive;
byte claimed;
bool present = true, behind = false; /* the primary's data are there; the replica lacks something */
byte era = 0, failures = FAILURES, i;
bool same;

byte dropped = 0, sent = 0; /* the outbox keeps dropped + 1 to EVENTS */
byte known = 0;             /* the incarnation that the broker knows */
byte request[2], names[2];  /* under way: the session's, and a stray; 0 is none */

#define archived_whole (archive.n == EVENTS && dropped == EVENTS)
#define log_whole (present && primary.log.n == EVENTS && primary.incarnation == claimed)
#define done (archived_whole && log_whole && primary.checkpoint == EVENTS)

inline copy(to, from) {
	to.n = from.n;
	for (i : 0 .. ROOM - 1) { to.era[i] = from.era[i] }
	i = 0
}

inline clear(emptied) {
	emptied.n = 0;
	for (i : 0 .. ROOM - 1) { emptied.era[i] = 0 }
	i = 0
}

inline copy_server(to, from) {
	copy(to.log, from.log);
	to.fence = from.fence; to.marked = from.marked; to.incarnation = from.incarnation;
	to.checkpoint = from.checkpoint;
	for (i : 0 .. ROOM - 1) { to.board[i] = from.board[i] }
	i = 0
}

/* Does the log hold the archive's records, by chain? */
inline compare() {
	same = present && primary.incarnation == claimed && primary.log.n >= archive.n;
	for (i : 0 .. ROOM - 1) {
		if
		:: same && i < archive.n && primary.log.era[i] != archive.era[i] -> same = false
		:: else
		fi
	}
	i = 0
}

inline nothing_lost() {
	assert(dropped <= archive.n || (present && dropped <= primary.log.n))
}

inline append(event) {
	assert(event == primary.log.n + 1); /* in order, and not twice */
	primary.log.era[primary.log.n] = era;
	primary.log.n++;
	primary.fence = event;
	behind = true
}

/* The append script, and the answer to the session where there is one. */
inline take(k) {
	if
	:: names[k] != primary.incarnation ->
		if
		:: k == 0 -> known = primary.incarnation; sent = dropped
		:: else
		fi
#ifdef NO_CONTIGUITY
	:: names[k] == primary.incarnation && request[k] > primary.fence -> append(request[k])
#else
	:: names[k] == primary.incarnation && request[k] == primary.fence + 1 ->
		append(request[k]);
#ifdef DROP_AT_ACK
		dropped = primary.fence
#endif
	:: names[k] == primary.incarnation && request[k] > primary.fence + 1 ->
		if
		:: k == 0 -> sent = dropped /* told of the gap */
		:: else
		fi
#endif
	:: names[k] == primary.incarnation && request[k] <= primary.fence /* a duplicate */
	fi;
	request[k] = 0; names[k] = 0
}

active proctype Outbox() {
	do
	:: atomic { request[0] == 0 && sent < EVENTS -> sent++; request[0] = sent; names[0] = known }
#ifndef NO_RESEND
	:: atomic { request[0] == 0 && sent == EVENTS && dropped < EVENTS -> sent = dropped }
#endif
	od
}

active proctype Watermark() {
	do
	:: atomic { present && primary.marked > dropped ->
		dropped = primary.marked;
		if :: sent < dropped -> sent = dropped :: else fi;
		nothing_lost() }
	od
}

active [2] proctype Append() { /* the session's requests, and strays, in any order */
	do
	:: atomic { present && request[_pid % 2] != 0 -> take(_pid % 2) }
	od
}

active proctype Replica() {
	do
	:: atomic { present && behind && failures > 0 -> copy_server(replica, primary); behind = false }
	od
}

active proctype Archiver() {
	Log view; byte tip, claims, incarnation; byte at = 0;
	do
	:: atomic { at == 0 && present && primary.log.n > archive.n && primary.marked >= archive.n ->
		compare();
		if
		:: same -> copy(view, primary.log); tip = archive.n; claims = claimed;
			incarnation = primary.incarnation; at = 1
		:: else -> at = 3
		fi;
		same = false }
	:: atomic { at == 1 ->
		if
		:: archive.n == tip && claimed == claims -> copy(archive, view); at = 2
		:: else -> at = 3
		fi
		}
	:: atomic { at == 2 && present ->
		if
		:: primary.incarnation == incarnation && primary.marked < view.n ->
#ifdef MARK_FROM_FENCE
			primary.marked = primary.fence;
#else
			primary.marked = view.n;
#endif
			behind = true
		:: else
		fi;
		at = 3 }
	:: atomic { at == 0 && present && primary.marked < archive.n ->
		compare();
		if :: same -> primary.marked = archive.n; behind = true :: else fi;
		same = false; at = 3 }
	:: atomic { at == 3 -> clear(view); tip = 0; claims = 0; incarnation = 0; at = 0 }
	:: atomic { at > 0 && at < 3 && failures > 0 -> failures--; at = 3 } /* crashes */
	od
}

active [RESTORERS] proctype Restorer() {
	byte at = 0, tip = 0, claims = 0;
	do
	:: atomic { at == 0 && (!present || primary.log.n < archive.n || primary.incarnation != claimed) ->
		tip = archive.n; claims = claimed; at = 1 }
	:: atomic { at == 0 && present ->
		compare();
		if :: !same -> tip = archive.n; claims = claimed; at = 1 :: else fi;
		same = false }
	:: atomic { at == 1 ->
		if
		:: archive.n == tip && claimed == claims && claimed < FAILURES + 1 ->
			claimed++; claims = claimed; at = 2
		:: else -> at = 0; tip = 0; claims = 0
		fi }
	:: atomic { at == 2 ->
		if
		:: !present || primary.incarnation < claims ->
			copy(primary.log, archive);
#ifdef NO_FENCE_RESTORED
			primary.fence = 0;
#else
			primary.fence = archive.n;
#endif
			primary.marked = archive.n; primary.checkpoint = archive.n; primary.incarnation = claims;
			for (i : 0 .. ROOM - 1) { primary.board[i] = (i < archive.n -> 1 : 0) }
			i = 0; present = true; behind = true
		:: else
		fi;
		at = 0; tip = 0; claims = 0 }
	od
}

active [PROJECTORS] proctype Projector() {
	byte before = 0, end = 0, of_era = 0, incarnation = 0;
	do
	:: atomic { end == 0 && present && primary.log.n > primary.checkpoint ->
		before = primary.checkpoint; end = primary.log.n; of_era = primary.log.era[end - 1];
		incarnation = primary.incarnation }
	:: atomic { end > 0 && present ->
		if
#ifdef NO_COMPARE
		:: primary.log.n >= end ->
#else
		:: primary.checkpoint == before && primary.incarnation == incarnation && primary.log.n >= end && primary.log.era[end - 1] == of_era ->
#endif
			for (i : before .. end - 1) { primary.board[i]++; assert(primary.board[i] == 1) }
			i = 0; primary.checkpoint = end; behind = true
		:: else
		fi;
		before = 0; end = 0; of_era = 0; incarnation = 0 }
	:: atomic { end > 0 && failures > 0 -> /* crashes */
		failures--; before = 0; end = 0; of_era = 0; incarnation = 0 }
	od
}

active proctype Failure() {
	do
	:: atomic { failures > 0 && request[0] != 0 && request[1] == 0 -> /* it will come again, late */
		failures--; request[1] = request[0]; names[1] = names[0] }
	:: atomic { failures > 0 && request[0] != 0 -> failures--; request[0] = 0; names[0] = 0 }
	:: atomic { failures > 0 && sent > dropped -> failures--; sent = dropped } /* a new session */
	:: atomic { failures > 0 && present && behind -> /* failover: the tail is lost */
		failures--; era++; copy_server(primary, replica); behind = false; nothing_lost() }
	:: atomic { failures > 0 && present -> /* primary and replicas are lost */
		failures--; era++; present = false;
		clear(primary.log); primary.fence = 0; primary.marked = 0; primary.checkpoint = 0;
		primary.incarnation = 0;
		for (i : 0 .. ROOM - 1) { primary.board[i] = 0 }
		i = 0; behind = false; copy_server(replica, primary); nothing_lost() }
	od
}

/* Failures are few; after the last of them everything is archived, projected, and known to be. */
ltl progress { <> done }
