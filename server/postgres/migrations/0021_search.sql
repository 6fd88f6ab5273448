-- Finding messages by what they say now, on PostgreSQL as it comes. Of each room, 128 seqs are a chunk: the
-- folded texts of its messages side by side, so that one row answers for them, and an index of the grams in
-- them. It is written beside the log, by the indexer; what that has not seen yet, the room's tail, a search reads
-- in the log itself. Nothing found here is shown without a look at the message as it is.

-- A text as it is compared, the same in every locale: NFKC, with Latin, Greek and Cyrillic letters in lower case.
-- Only its beginning counts: normalizing takes the square of the marks that stand out of order, and makes
-- eighteen characters of some. U+E000 is no text: it begins what a message carries beside its body.
CREATE FUNCTION search_fold(said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
BEGIN
    said := left(normalize(replace(left(said, 4096), U&'\E000', ' '), NFKC), 4096);
    said := lower(said COLLATE "C");
    IF said COLLATE "C" ~ '[\u00C0-\u052F\u1E00-\u1EFF]' THEN
        said := translate(said,
            'ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖØÙÚÛÜÝÞĀĂĄĆĈĊČĎĐĒĔĖĘĚĜĞĠĢĤĦĨĪĬĮĴĶĹĻĽŁŃŅŇŊŌŎŐŒŔŖŘŚŜŞŠŢŤŦŨŪŬŮŰŲŴŶŸŹŻŽ'
            'ƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƠƢƤƦƧƩƬƮƯƱƲƳƵƷƸƼǍǏǑǓǕǗǙǛǞǠǢǤǦǨǪǬǮǴǶǷǸǺǼǾȀȂȄȆȈȊȌȎȐȒȔȖȘȚȜȞȠȢȤȦȨȪȬȮȰȲȺȻȽȾ'
            'ɁɃɄɅɆɈɊɌɎͰͲͶͿΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЀЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВГДЕЖЗИЙ'
            'КЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯѠѢѤѦѨѪѬѮѰѲѴѶѸѺѼѾҀҊҌҎҐҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӁӃӅӇӉӋӍӐӒӔӖӘӚӜӞӠӢӤӦӨӪӬӮ'
            'ӰӲӴӶӸӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮḀḂḄḆḈḊḌḎḐḒḔḖḘḚḜḞḠḢḤḦḨḪḬḮḰḲḴḶḸḺḼḾṀṂṄṆṈṊṌṎṐṒṔṖṘṚṜṞṠṢṤṦṨṪṬṮṰṲ'
            'ṴṶṸṺṼṾẀẂẄẆẈẊẌẎẐẒẔẞẠẢẤẦẨẪẬẮẰẲẴẶẸẺẼẾỀỂỄỆỈỊỌỎỐỒỔỖỘỚỜỞỠỢỤỦỨỪỬỮỰỲỴỶỸỺỼỾ',
            'àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþāăąćĉċčďđēĕėęěĝğġģĥħĩīĭįĵķĺļľłńņňŋōŏőœŕŗřśŝşšţťŧũūŭůűųŵŷÿźżž'
            'ɓƃƅɔƈɖɗƌǝəɛƒɠɣɩɨƙɯɲɵơƣƥʀƨʃƭʈưʊʋƴƶʒƹƽǎǐǒǔǖǘǚǜǟǡǣǥǧǩǫǭǯǵƕƿǹǻǽǿȁȃȅȇȉȋȍȏȑȓȕȗșțȝȟƞȣȥȧȩȫȭȯȱȳⱥȼƚⱦ'
            'ɂƀʉʌɇɉɋɍɏͱͳͷϳάέήίόύώαβγδεζηθικλμνξοπρστυφχψωϊϋϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽѐёђѓєѕіїјљњћќѝўџабвгдежзий'
            'клмнопрстуфхцчшщъыьэюяѡѣѥѧѩѫѭѯѱѳѵѷѹѻѽѿҁҋҍҏґғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӂӄӆӈӊӌӎӑӓӕӗәӛӝӟӡӣӥӧөӫӭӯ'
            'ӱӳӵӷӹӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯḁḃḅḇḉḋḍḏḑḓḕḗḙḛḝḟḡḣḥḧḩḫḭḯḱḳḵḷḹḻḽḿṁṃṅṇṉṋṍṏṑṓṕṗṙṛṝṟṡṣṥṧṩṫṭṯṱṳ'
            'ṵṷṹṻṽṿẁẃẅẇẉẋẍẏẑẓẕßạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹỻỽỿ');
    END IF;
    RETURN said;
END
$$;

-- What is searched of a message: the one place that knows.
CREATE FUNCTION search_text(message room_events, state message_states) RETURNS text
LANGUAGE sql STABLE
AS $$ SELECT search_fold(coalesce((state).body, (message).body, '')) $$;

-- What a text that has the words of *texts* has, too, and its room, below zero. A query is asked by the same
-- function, its consonants standing for syllables: so single and paired characters leave these out,
-- and three in a row are indexed by their initial consonants beside.
CREATE FUNCTION search_grams(room integer, texts text[]) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000000
AS $$
    WITH chars AS MATERIALIZED (
        SELECT ARRAY(
            SELECT ascii(c) FROM string_to_table(array_to_string(texts, E'\n'), NULL) AS c
        ) AS n
    ), grams AS (
        SELECT unnest(ARRAY[
            CASE WHEN a > 127 AND a NOT BETWEEN 4352 AND 4370 THEN a END,
            CASE WHEN a > 32 AND b > 32
                AND a NOT BETWEEN 4352 AND 4370 AND b NOT BETWEEN 4352 AND 4370
                THEN 1073741824 + (a & 32767) * 32768 + (b & 32767) END,
            CASE WHEN a BETWEEN 33 AND 127 AND b BETWEEN 33 AND 127 AND c BETWEEN 33 AND 127
                THEN 33554432 + (a * 128 + b) * 128 + c END,
            16777216 + (i * 19 + j) * 19 + k
        ]) AS gram
        FROM chars, unnest(n, n[2:], n[3:]) AS t (a, b, c), LATERAL (
            SELECT CASE WHEN a BETWEEN 44032 AND 55203 THEN (a - 44032) / 588
                WHEN a BETWEEN 4352 AND 4370 THEN a - 4352 END AS i,
                CASE WHEN b BETWEEN 44032 AND 55203 THEN (b - 44032) / 588
                WHEN b BETWEEN 4352 AND 4370 THEN b - 4352 END AS j,
                CASE WHEN c BETWEEN 44032 AND 55203 THEN (c - 44032) / 588
                WHEN c BETWEEN 4352 AND 4370 THEN c - 4352 END AS k
        ) initials -- of the nineteen consonants
    )
    SELECT array_agg(DISTINCT gram) || -room FROM grams WHERE gram IS NOT NULL
$$;

CREATE TABLE search_chunks (
    room_no integer NOT NULL,
    chunk integer NOT NULL, -- of seq / 128
    is_whole boolean NOT NULL, -- no message will come to it any more
    first_at bigint NOT NULL,
    last_at bigint NOT NULL,
    seqs integer[] NOT NULL, -- of messages that are not deleted, ascending; as long as all below
    ats bigint[] NOT NULL,
    senders integer[] NOT NULL,
    texts text[] COLLATE "C" NOT NULL,
    PRIMARY KEY (room_no, chunk)
) WITH (toast_tuple_target = 128); -- lists of chunks are read far oftener than what is in them

CREATE INDEX search_chunks_grams ON search_chunks USING gin (search_grams(room_no, texts))
    WITH (fastupdate = off) WHERE is_whole;
-- Without statistics: they are of no use, and making them would look into thousands of chunks.
ALTER INDEX search_chunks_grams ALTER COLUMN 1 SET STATISTICS 0;
ALTER TABLE search_chunks ALTER COLUMN seqs SET STATISTICS 0, ALTER COLUMN ats SET STATISTICS 0,
    ALTER COLUMN senders SET STATISTICS 0, ALTER COLUMN texts SET STATISTICS 0;

-- How far each room is indexed; above it is its tail.
CREATE TABLE search_states (
    room_no integer PRIMARY KEY,
    indexed_upto integer NOT NULL
) WITH (fillfactor = 70);

-- What has new words in a tail.
CREATE INDEX room_events_rewordings ON room_events (room_no, seq) WHERE kind IN (3, 5);

-- Write a chunk anew, from what its messages up to *upto* say now. The room's state is locked.
CREATE FUNCTION search_rebuild(which integer, part integer, upto integer) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO search_chunks AS c
        (room_no, chunk, is_whole, first_at, last_at, seqs, ats, senders, texts)
    SELECT which, part, upto >= part * 128 + 127, min(m.at), max(m.at), array_agg(m.seq),
        array_agg(m.at), array_agg(m.sender_no), array_agg(m.said)
    FROM (
        SELECT e.seq, e.at, e.sender_no, search_text(e, s) AS said
        FROM room_events e
        LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
        WHERE e.room_no = which AND e.kind = 1 AND s.deleted_at IS NULL
            AND e.seq BETWEEN part * 128 AND least(upto, part * 128 + 127)
        ORDER BY e.seq
    ) m
    HAVING count(*) > 0
    ON CONFLICT (room_no, chunk) DO UPDATE SET is_whole = excluded.is_whole,
        first_at = excluded.first_at, last_at = excluded.last_at, seqs = excluded.seqs,
        ats = excluded.ats, senders = excluded.senders, texts = excluded.texts;
    IF NOT FOUND THEN
        DELETE FROM search_chunks WHERE room_no = which AND chunk = part;
    END IF;
END
$$;

-- Take the tails of *rooms* into their chunks, as far as *most* of these go. ``behind`` are the rooms that are
-- not done, ``locked`` those that another node works on; *events* counts what was taken.
CREATE FUNCTION index_rooms(
    rooms integer[], most integer, OUT behind integer[], OUT locked integer[], OUT events integer
)
LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
DECLARE
    which integer;
    since integer;
    upto integer;
    part integer;
    parts integer[];
    touched integer[];
    event record;
BEGIN
    behind := '{}';
    locked := '{}';
    events := 0;
    FOREACH which IN ARRAY ARRAY(SELECT DISTINCT r FROM unnest(rooms) AS r ORDER BY r) LOOP
        INSERT INTO search_states VALUES (which, 0) ON CONFLICT DO NOTHING;
        SELECT s.indexed_upto INTO since FROM search_states s
        WHERE s.room_no = which FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            locked := locked || which;
            CONTINUE;
        END IF;
        upto := since;
        parts := '{}';
        FOR event IN
            SELECT e.seq, CASE WHEN e.kind IN (3, 4, 5) THEN e.of_seq / 128 END AS reworded,
                CASE WHEN e.kind = 1 OR e.seq % 128 = 127 THEN e.seq / 128 END AS own
            FROM room_events e WHERE e.room_no = which AND e.seq > since ORDER BY e.seq LIMIT 1024
        LOOP
            touched := ARRAY(
                SELECT DISTINCT t FROM unnest(ARRAY[event.reworded, event.own]) AS t
                WHERE t IS NOT NULL AND t <> ALL (parts)
            );
            EXIT WHEN cardinality(parts) + cardinality(touched) > most;
            parts := parts || touched;
            upto := event.seq;
        END LOOP;
        FOREACH part IN ARRAY parts LOOP
            PERFORM search_rebuild(which, part, upto);
        END LOOP;
        UPDATE search_states SET indexed_upto = upto WHERE room_no = which AND upto > since;
        most := most - cardinality(parts);
        events := events + upto - since;
        IF EXISTS (SELECT FROM room_events e WHERE e.room_no = which AND e.seq > upto) THEN
            behind := behind || which;
        END IF;
    END LOOP;
END
$$;

-- Leave nothing of erased messages in a chunk.
CREATE FUNCTION search_forget(which integer, part integer) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    upto integer;
BEGIN
    SELECT s.indexed_upto INTO upto FROM search_states s WHERE s.room_no = which FOR UPDATE;
    PERFORM search_rebuild(which, part, upto);
END
$$;

-- Where a message stands among all that are found: the later, the higher.
CREATE TYPE search_place AS (at bigint, seq integer, room_no integer);

-- Of *places* those whose messages match as they are now, and that *caller* is shown.
CREATE FUNCTION search_standing(
    caller integer, places search_place[], likes text[], patterns text[]
) RETURNS search_place[]
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(array_agg(ROW(m.at, m.seq, m.room_no)::search_place), '{}')
    FROM (
        SELECT e.at, e.seq, e.room_no, search_text(e, s) COLLATE "C" AS said
        FROM unnest(places) AS p
        JOIN room_events e ON e.room_no = p.room_no AND e.seq = p.seq
        LEFT JOIN message_states s ON s.room_no = e.room_no AND s.seq = e.seq
        WHERE e.kind = 1 AND s.deleted_at IS NULL AND NOT EXISTS (
            SELECT FROM user_blocks b
            JOIN chat_members me ON me.room_no = e.room_no AND me.user_no = caller
                AND me.anonymous_name IS NULL
            WHERE b.blocker_no = caller AND b.blocked_no = e.sender_no
        )
    ) m
    WHERE m.said LIKE ALL (likes) AND m.said ~ ALL (patterns)
$$;

-- The whole chunks that have all *keys*, room by room: the nth of *rooms*. Only the index can be asked: any
-- other plan, made while there was little, would compute the grams of all chunks for each room.
CREATE FUNCTION search_chunks_with(rooms integer[], keys integer[], since bigint, below_at bigint)
RETURNS TABLE (n integer, chunk integer, last_at bigint, size integer)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
BEGIN
    FOR n IN 1..cardinality(rooms) LOOP
        RETURN QUERY SELECT n, c.chunk, c.last_at, pg_column_size(c.texts) FROM search_chunks c
        WHERE c.is_whole AND search_grams(c.room_no, c.texts) @> (keys || -rooms[n])
            AND c.last_at >= since AND c.first_at <= below_at;
    END LOOP;
END
$$;

-- The newest messages below a place in the rooms of *caller* that match all of *likes* and *patterns*. ``hits``
-- is complete above ``reached``, and altogether where that is NULL: a search does so much work, and no more.
CREATE FUNCTION search_messages(
    caller integer, in_room text, by text, words text[], likes text[], patterns text[],
    since bigint, below search_place, most integer,
    OUT is_inside boolean, OUT hits search_place[], OUT reached bigint
)
LANGUAGE plpgsql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    my_rooms integer[];
    my_senders integer[]; -- whom *by* names there
    my_tails integer[];
    keys integer[];
    depth integer;
    chunk_rooms integer[];
    chunk_nos integer[];
    chunk_senders integer[];
    chunk_ats bigint[];
    chunk_costs integer[]; -- what looking into each takes, about 2.5 µs each
    places search_place[];
    pending search_place[];
    due search_place[];
    bound search_place;
    unseen bigint := -1; -- tails are not looked at from there on down
    horizon bigint;
    taken integer := 0;
    step integer := 8;
    work integer := 0;
BEGIN
    SELECT count(*) > 0, array_agg(k.room_no) FILTER (WHERE k.counts),
        array_agg(k.sender_no) FILTER (WHERE k.counts), array_agg(k.upto) FILTER (WHERE k.counts)
    INTO is_inside, my_rooms, my_senders, my_tails
    FROM (
        SELECT m.*, by IS NULL OR m.sender_no IS NOT NULL AS counts
        FROM (
            SELECT m.room_no, coalesce(s.indexed_upto, 0) AS upto,
                CASE WHEN by IS NULL THEN NULL
                    WHEN m.anonymous_name IS NULL THEN
                        (SELECT u.user_no FROM users u WHERE u.user_id = by)
                    ELSE (SELECT w.user_no FROM chat_members w
                        WHERE w.room_no = m.room_no AND w.anonymous_name = by)
                END AS sender_no
            FROM chat_members m
            JOIN chat_rooms r ON r.room_no = m.room_no AND r.is_active
            LEFT JOIN search_states s ON s.room_no = m.room_no
            WHERE m.user_no = caller AND m.is_active AND (in_room IS NULL OR r.room_id = in_room)
        ) m
    ) k;
    hits := '{}';
    IF my_rooms IS NULL THEN
        RETURN;
    END IF;

    -- The most selective ones: pairs of characters are the highest numbers.
    keys := ARRAY(SELECT g FROM unnest(search_grams(0, words)) AS g WHERE g <> 0 ORDER BY g DESC LIMIT 24);
    depth := greatest(16, 4096 / cardinality(my_rooms));

    SELECT array_agg(ROW(t.at, t.seq, t.room_no)::search_place), max(t.at) FILTER (WHERE t.is_last)
    INTO places, unseen
    FROM unnest(my_rooms, my_senders, my_tails) AS k (room_no, sender_no, upto)
    CROSS JOIN LATERAL (
        SELECT e.at, e.seq, e.room_no, e.n = depth OR e.size > 1048576 AS is_last, e.size
        FROM (
            SELECT t.at, t.seq, t.room_no, t.sender_no, row_number() OVER w AS n,
                sum(coalesce(octet_length(t.body), 0)) OVER w AS size
            FROM (
                SELECT * FROM room_events t
                WHERE t.room_no = k.room_no AND t.seq > k.upto AND t.kind = 1
                    AND t.at >= since AND t.at <= below.at
                    AND (k.sender_no IS NULL OR t.sender_no = k.sender_no)
                ORDER BY t.seq DESC LIMIT depth
            ) t WINDOW w AS (ORDER BY t.seq DESC)
        ) e
    ) t;
    unseen := coalesce(unseen, -1);
    hits := search_standing(caller, ARRAY(
        SELECT p FROM unnest(places) AS p WHERE p < below AND p.at > unseen
    ), likes, patterns);

    pending := ARRAY(
        SELECT DISTINCT ROW(e.at, e.seq, e.room_no)::search_place
        FROM unnest(my_rooms, my_senders, my_tails) AS k (room_no, sender_no, upto)
        JOIN room_events c ON c.room_no = k.room_no AND c.seq > k.upto AND c.kind IN (3, 5)
        JOIN room_events e ON e.room_no = c.room_no AND e.seq = c.of_seq AND e.seq <= k.upto
        WHERE e.at >= since AND (e.at, e.seq, e.room_no) < (below.at, below.seq, below.room_no)
            AND (k.sender_no IS NULL OR e.sender_no = k.sender_no)
    );

    SELECT array_agg(h.room_no), array_agg(h.chunk), array_agg(h.sender_no), array_agg(h.last_at),
        array_agg((4 + h.size / 300) * (1 + 4 * cardinality(patterns)))
    INTO chunk_rooms, chunk_nos, chunk_senders, chunk_ats, chunk_costs
    FROM (
        SELECT my_rooms[c.n] AS room_no, c.chunk, my_senders[c.n] AS sender_no, c.last_at, c.size
        FROM search_chunks_with(my_rooms, keys, since, below.at) AS c
        UNION ALL
        SELECT c.room_no, c.chunk, k.sender_no, c.last_at, pg_column_size(c.texts)
        FROM unnest(my_rooms, my_senders, my_tails) AS k (room_no, sender_no, upto)
        JOIN search_chunks c ON c.room_no = k.room_no AND c.chunk = k.upto / 128
        WHERE NOT c.is_whole AND c.last_at >= since AND c.first_at <= below.at
        ORDER BY last_at DESC
    ) h;

    -- Everything above the horizon is in ``pending`` or was. The newest of it is looked at first.
    LOOP
        horizon := greatest(chunk_ats[taken + 1], unseen);
        due := ARRAY(
            SELECT DISTINCT p FROM unnest(pending) AS p
            WHERE p.at > horizon ORDER BY p DESC LIMIT greatest(most, 64)
        );
        IF due <> '{}' THEN
            bound := due[cardinality(due)];
            pending := ARRAY(SELECT p FROM unnest(pending) AS p WHERE p < bound);
            hits := hits || search_standing(caller, due, likes, patterns);
            work := work + cardinality(due);
        END IF;
        IF cardinality(due) < greatest(most, 64) THEN
            bound := ROW(horizon, 2147483647, 2147483647)::search_place;
        END IF;
        EXIT WHEN (SELECT count(*) FROM unnest(hits) AS p WHERE p >= bound) >= most
            OR bound.at = horizon AND horizon = unseen;
        IF work >= 20000 THEN
            unseen := bound.at;
            bound := ROW(unseen, 2147483647, 2147483647)::search_place;
            EXIT;
        END IF;
        CONTINUE WHEN bound.at > horizon;
        pending := pending || ARRAY(
            SELECT ROW(m.at, m.seq, c.room_no)::search_place
            FROM unnest(
                chunk_rooms[taken + 1:taken + step], chunk_nos[taken + 1:taken + step],
                chunk_senders[taken + 1:taken + step]
            ) AS h (room_no, chunk, sender_no)
            JOIN search_chunks c ON c.room_no = h.room_no AND c.chunk = h.chunk
            CROSS JOIN LATERAL unnest(c.seqs, c.ats, c.senders, c.texts) AS m (seq, at, sender_no, said)
            WHERE array_to_string(c.texts, E'\n') LIKE ALL (likes) -- few chunks are taken apart
                AND m.said LIKE ALL (likes) AND m.said ~ ALL (patterns)
                AND m.at >= since AND (m.at, m.seq, c.room_no) < (below.at, below.seq, below.room_no)
                AND (h.sender_no IS NULL OR m.sender_no = h.sender_no)
        );
        work := work + (SELECT sum(cost) FROM unnest(chunk_costs[taken + 1:taken + step]) AS cost);
        taken := taken + step;
        step := least(step * 2, 64);
    END LOOP;
    hits := ARRAY(
        SELECT p FROM unnest(hits) AS p WHERE p >= bound ORDER BY p DESC LIMIT most
    );
    reached := CASE WHEN unseen > -1 THEN least(unseen, below.at - 1) END;
END
$$;
