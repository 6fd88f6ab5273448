-- A page of what is found: the newest messages that say something now, of the rooms that somebody is in.

-- Where a message stands among all that are found: the later, the higher.
CREATE TYPE search_place AS (at bigint, seq integer, room_no integer);

-- A message that may be found. A fresh one has to be read: no chunk has what it says now. The others match.
CREATE TYPE search_candidate AS (at bigint, seq integer, room_no integer, is_fresh boolean);

-- A room to search, above *upto* in its tail; messages of *sender_no* there, where that is not NULL.
CREATE TYPE search_room AS (room_no integer, upto integer, sender_no integer, heeds_blocks boolean);

-- A chunk to look into, whose messages are not above *last_at*, in steps of about 2.5 µs.
CREATE TYPE search_chunk AS (
    last_at bigint, room_no integer, chunk integer, sender_no integer, heeds_blocks boolean, cost integer
);

-- What one search does at most: steps of about 2.5 µs, and messages that it reads of all tails; however many
-- rooms there are, so many events of each tail.
CREATE TYPE search_bounds AS (work bigint, fresh integer, tail integer);

-- The rooms of *caller*, or of them *in_room*. Nobody whom *named* names has said anything there: sender -1.
CREATE FUNCTION search_rooms(caller integer, in_room text, named text) RETURNS SETOF search_room
LANGUAGE sql STABLE
AS $$
    SELECT m.room_no, coalesce(s.indexed_upto, 0), CASE
        WHEN named IS NULL THEN NULL
        WHEN m.anonymous_name IS NULL THEN
            coalesce((SELECT u.user_no FROM users u WHERE u.user_id = named), -1)
        ELSE coalesce((SELECT w.user_no FROM chat_members w
            WHERE w.room_no = m.room_no AND w.anonymous_name = named), -1)
        END, m.anonymous_name IS NULL
    FROM chat_members m
    JOIN chat_rooms r ON r.room_no = m.room_no AND r.is_active
    LEFT JOIN search_states s ON s.room_no = m.room_no
    WHERE m.user_no = caller AND m.is_active AND (in_room IS NULL OR r.room_id = in_room)
$$;

-- What has to be read below a place: the newest messages of the tails, and those that were reworded there, the
-- newest first. They are complete at and above *unseen*.
CREATE FUNCTION search_fresh(
    rooms search_room[], blocked integer[], since bigint, below search_place, bounds search_bounds,
    OUT fresh search_candidate[], OUT unseen search_place
)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    depth integer := greatest(bounds.tail, bounds.fresh / cardinality(rooms));
    last search_candidate;
BEGIN
    unseen := coalesce((
        SELECT ROW(t.at, t.seq, k.room_no)::search_place
        FROM unnest(rooms) AS k
        CROSS JOIN LATERAL (
            SELECT e.at, e.seq FROM room_events e
            WHERE e.room_no = k.room_no AND e.seq > k.upto
                AND (e.at, e.seq, e.room_no) < (below.at, below.seq, below.room_no)
            ORDER BY e.seq DESC OFFSET depth - 1 LIMIT 1
        ) t
        WHERE t.at >= since AND t.seq > k.upto + 1
        ORDER BY t.at DESC, t.seq DESC, k.room_no DESC LIMIT 1
    ), ROW(-1, 0, 0)::search_place);
    fresh := ARRAY(
        SELECT ROW(m.at, m.seq, k.room_no, true)::search_candidate
        FROM unnest(rooms) AS k
        CROSS JOIN LATERAL (
            SELECT * FROM (
                SELECT e.at, e.seq, e.sender_no, e.kind FROM room_events e
                WHERE e.room_no = k.room_no AND e.seq > k.upto
                    AND (e.at, e.seq, e.room_no) < (below.at, below.seq, below.room_no)
                ORDER BY e.seq DESC LIMIT depth
            ) t WHERE t.kind = 1
            UNION
            SELECT e.at, e.seq, e.sender_no, e.kind FROM room_events c
            JOIN room_events e ON e.room_no = c.room_no AND e.seq = c.of_seq
            WHERE c.room_no = k.room_no AND c.seq > k.upto AND c.kind IN (3, 5) AND e.seq <= k.upto
                AND (e.at, e.seq, e.room_no) < (below.at, below.seq, below.room_no)
        ) m
        WHERE m.at >= since AND (k.sender_no IS NULL OR m.sender_no = k.sender_no)
            AND NOT (k.heeds_blocks AND m.sender_no IN (SELECT unnest(blocked)))
        ORDER BY m.at DESC, m.seq DESC, k.room_no DESC LIMIT bounds.fresh
    );
    IF cardinality(fresh) = bounds.fresh THEN
        last := fresh[bounds.fresh];
        unseen := greatest(unseen, ROW(last.at, last.seq, last.room_no)::search_place);
    END IF;
END
$$;

-- Of *candidates* those that are not deleted and, where they are fresh, match; in their order.
CREATE FUNCTION search_standing(
    candidates search_candidate[], likes text[], patterns text[], OUT hits search_place[], OUT cost bigint
)
LANGUAGE sql STABLE
AS $$
    WITH said AS MATERIALIZED ( -- once, however often it is compared
        SELECT c.*, CASE WHEN c.is_fresh THEN search_text(e, s) END COLLATE "C" AS said,
            CASE WHEN c.is_fresh THEN coalesce(octet_length(coalesce(s.body, e.body)), 0) ELSE 0 END AS bytes
        FROM unnest(candidates) AS c
        LEFT JOIN room_events e ON c.is_fresh AND e.room_no = c.room_no AND e.seq = c.seq
        LEFT JOIN message_states s ON s.room_no = c.room_no AND s.seq = c.seq
        WHERE s.deleted_at IS NULL
    )
    SELECT coalesce(
        array_agg(ROW(m.at, m.seq, m.room_no)::search_place ORDER BY m.at DESC, m.seq DESC, m.room_no DESC)
        FILTER (WHERE NOT m.is_fresh OR m.said LIKE ALL (likes) AND m.said ~ ALL (patterns)), '{}'
    ), cardinality(candidates) + coalesce(sum(m.bytes), 0) / 50
    FROM said m
$$;

-- The whole chunks that have all *keys*, room by room. Only the index can be asked: any other plan, made while
-- there was little, would compute the grams of all chunks for each room.
CREATE FUNCTION search_whole(rooms search_room[], keys integer[], since bigint, below_at bigint)
RETURNS SETOF search_chunk
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    k search_room;
BEGIN
    FOREACH k IN ARRAY rooms LOOP
        RETURN QUERY SELECT least(c.last_at, below_at), k.room_no, c.chunk, k.sender_no, k.heeds_blocks,
            4 + c.bytes / 500 FROM search_chunks c
        WHERE c.is_whole AND search_grams(c.room_no, c.texts) @> (keys || -k.room_no)
            AND c.last_at >= since AND c.first_at <= below_at;
    END LOOP;
END
$$;

-- The chunks that may have what has *words*, the latest first.
CREATE FUNCTION search_chunks_with(rooms search_room[], words text[], since bigint, below_at bigint)
RETURNS search_chunk[]
LANGUAGE sql STABLE
AS $$
    WITH keys AS ( -- the most selective ones: pairs of characters are the highest numbers
        SELECT ARRAY(
            SELECT g FROM unnest(search_grams(0, words)) AS g WHERE g <> 0 ORDER BY g DESC LIMIT 24
        ) AS keys
    ), chunks AS (
        SELECT w.* FROM keys, search_whole(rooms, keys.keys, since, below_at) AS w
        UNION ALL
        SELECT least(c.last_at, below_at), k.room_no, c.chunk, k.sender_no, k.heeds_blocks, 4 + c.bytes / 500
        FROM unnest(rooms) AS k
        JOIN search_chunks c ON c.room_no = k.room_no AND c.chunk = k.upto / 128
        WHERE NOT c.is_whole AND c.last_at >= since AND c.first_at <= below_at
    )
    SELECT ARRAY(
        SELECT ROW(c.last_at, c.room_no, c.chunk, c.sender_no, c.heeds_blocks, c.cost)::search_chunk
        FROM chunks c ORDER BY c.last_at DESC
    )
$$;

-- What *chunks* say, below a place: candidates that match there and are not *fresh*.
CREATE FUNCTION search_in(
    chunks search_chunk[], fresh search_candidate[], blocked integer[], likes text[], patterns text[],
    since bigint, below search_place
) RETURNS SETOF search_candidate
LANGUAGE sql STABLE
AS $$
    SELECT m.at, m.seq, c.room_no, false
    FROM unnest(chunks) AS h
    JOIN search_chunks c ON c.room_no = h.room_no AND c.chunk = h.chunk
    CROSS JOIN LATERAL unnest(c.seqs, c.ats, c.senders, c.texts) AS m (seq, at, sender_no, said)
    WHERE array_to_string(c.texts, E'\n') LIKE ALL (likes) -- few chunks are taken apart
        AND m.said LIKE ALL (likes) AND m.said ~ ALL (patterns)
        AND m.at >= since AND (m.at, m.seq, c.room_no) < (below.at, below.seq, below.room_no)
        AND (h.sender_no IS NULL OR m.sender_no = h.sender_no)
        AND NOT (h.heeds_blocks AND m.sender_no IN (SELECT unnest(blocked)))
        AND (c.room_no, m.seq) NOT IN (SELECT f.room_no, f.seq FROM unnest(fresh) AS f)
$$;

-- The newest messages below a place in the rooms of *caller* that match all of *likes* and *patterns*. ``hits``
-- is complete at and above ``reached``, and altogether where that is NULL: a search does so much work, and no more.
CREATE FUNCTION search_messages(
    caller integer, in_room text, named text, words text[], likes text[], patterns text[],
    since bigint, below search_place, most integer, bounds search_bounds,
    OUT is_inside boolean, OUT hits search_place[], OUT reached search_place
)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    top CONSTANT integer := 2147483647;
    rooms search_room[] := ARRAY(SELECT k FROM search_rooms(caller, in_room, named) AS k);
    blocked CONSTANT integer[] := ARRAY(SELECT b.blocked_no FROM user_blocks b WHERE b.blocker_no = caller);
    factor CONSTANT integer := 1 + 4 * cardinality(patterns) + length(array_to_string(words, '')) / 16;
    chunks search_chunk[];
    slice search_chunk[];
    fresh search_candidate[];
    known search_candidate[] := '{}'; -- what the chunks up to *taken* say; this and ``fresh`` the newest first
    due search_candidate[];
    last search_candidate;
    more search_place[];
    unseen search_place; -- ``fresh`` ends there
    floor search_place; -- what is above is in ``fresh`` and ``known``
    bound search_place; -- ``hits`` are complete down to there
    fresh_read integer := 0;
    known_read integer := 0;
    taken integer := 0;
    size integer;
    step integer := 8;
    cost bigint;
    work bigint := 0;
BEGIN
    is_inside := rooms <> '{}';
    hits := '{}';
    rooms := ARRAY(SELECT k FROM unnest(rooms) AS k WHERE k.sender_no IS DISTINCT FROM -1);
    IF rooms = '{}' OR below.at < since THEN
        RETURN;
    END IF;
    SELECT f.fresh, (f.unseen).at, (f.unseen).seq, (f.unseen).room_no
    INTO fresh, unseen.at, unseen.seq, unseen.room_no
    FROM search_fresh(rooms, blocked, since, below, bounds) AS f;
    chunks := search_chunks_with(rooms, words, since, below.at);

    LOOP
        floor := greatest(unseen, CASE WHEN taken < cardinality(chunks)
            THEN ROW((chunks[taken + 1]).last_at, top, top)::search_place END);
        size := greatest(most - cardinality(hits), 8);
        due := ARRAY(
            SELECT c FROM unnest(
                fresh[fresh_read + 1:fresh_read + size] || known[known_read + 1:known_read + size]
            ) AS c
            WHERE (c.at, c.seq, c.room_no) >= (floor.at, floor.seq, floor.room_no)
            ORDER BY c.at DESC, c.seq DESC, c.room_no DESC LIMIT size
        );
        bound := floor;
        IF due <> '{}' THEN
            IF cardinality(due) = size THEN
                last := due[size];
                bound := ROW(last.at, last.seq, last.room_no)::search_place;
            END IF;
            fresh_read := fresh_read + (SELECT count(*) FROM unnest(due) AS c WHERE c.is_fresh);
            known_read := known_read + (SELECT count(*) FROM unnest(due) AS c WHERE NOT c.is_fresh);
            SELECT s.hits, s.cost INTO more, cost FROM search_standing(due, likes, patterns) AS s;
            hits := hits || more;
            work := work + cost;
        END IF;
        EXIT WHEN cardinality(hits) >= most OR bound = unseen OR work >= bounds.work AND bound < below;
        CONTINUE WHEN bound > floor;

        cost := 0;
        slice := '{}';
        WHILE taken < cardinality(chunks) AND cardinality(slice) < step AND cost <= bounds.work / 8 LOOP
            taken := taken + 1;
            slice := slice || chunks[taken];
            cost := cost + (chunks[taken]).cost * factor;
        END LOOP;
        known := known[known_read + 1:] || ARRAY(
            SELECT c FROM search_in(slice, fresh, blocked, likes, patterns, since, below) AS c
        );
        known := ARRAY(SELECT c FROM unnest(known) AS c ORDER BY c.at DESC, c.seq DESC, c.room_no DESC);
        known_read := 0;
        work := work + cost;
        step := least(step * 2, 64);
    END LOOP;
    hits := hits[1:most];
    reached := CASE WHEN bound.at > -1 THEN bound END;
END
$$;
