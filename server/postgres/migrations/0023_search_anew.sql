-- The index of the search anew: texts are folded otherwise, names of files are found, and a chunk says how long it
-- is. It is emptied, for all in it can be had again: the indexer takes the rooms it finds behind, and until then a
-- search reads the log.
TRUNCATE search_chunks, search_states;
ALTER TABLE search_chunks ADD COLUMN bytes integer NOT NULL; -- of all texts

DROP FUNCTION search_messages(
    integer, text, text, text[], text[], text[], bigint, search_place, integer
);
DROP FUNCTION search_chunks_with(integer[], integer[], bigint, bigint);
DROP FUNCTION search_standing(integer, search_place[], text[], text[]);
DROP TYPE search_place;

-- A text as it is compared, the same in every locale: NFKC, with Latin, Greek and Cyrillic letters in lower case.
-- Only its beginning counts, and ten marks in a row: putting these in order takes the square of their number.
-- Korean letters that were typed one by one stay apart from the syllable before them: of two consonants
-- each is one, and vowels are U+E001 to U+E015. U+E000 is no text: it begins what a message carries beside its body.
CREATE OR REPLACE FUNCTION search_fold(said text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    pairs CONSTANT text := 'ㄳㄱㅅㄵㄴㅈㄶㄴㅎㄺㄹㄱㄻㄹㅁㄼㄹㅂㄽㄹㅅㄾㄹㅌㄿㄹㅍㅀㄹㅎㅄㅂㅅ';
    marks CONSTANT text :=
            '\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u0610-\u061a\u064b-\u065f'
            '\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7-\u06e8\u06ea-\u06ed\u0711\u0730-\u074a\u07eb-\u07f3\u07fd'
            '\u0816-\u0819\u081b-\u0823\u0825-\u0827\u0829-\u082d\u0859-\u085b\u0897-\u089f\u08ca-\u08e1\u08e3-\u08ff'
            '\u093c\u094d\u0951-\u0954\u09bc\u09cd\u09fe\u0a3c\u0a4d\u0abc\u0acd\u0b3c\u0b4d\u0bcd\u0c3c\u0c4d'
            '\u0c55-\u0c56\u0cbc\u0ccd\u0d3b-\u0d3c\u0d4d\u0dca\u0e38-\u0e3a\u0e48-\u0e4b\u0eb8-\u0eba\u0ec8-\u0ece'
            '\u0f18-\u0f19\u0f35\u0f37\u0f39\u0f71-\u0f84\u0f86-\u0f87\u0fc6\u1037-\u103a\u108d\u135d-\u135f'
            '\u1714-\u1715\u1734\u17d2\u17dd\u18a9\u1939-\u193b\u1a17-\u1a18\u1a60\u1a75-\u1a7f\u1ab0-\u1ace\u1b34'
            '\u1b44\u1b6b-\u1b73\u1baa-\u1bab\u1be6\u1bf2-\u1bf3\u1c37\u1cd0-\u1cd2\u1cd4-\u1ce8\u1ced\u1cf4'
            '\u1cf8-\u1cf9\u1dc0-\u1dff\u20d0-\u20f0\u2cef-\u2cf1\u2d7f\u2de0-\u2dff\u302a-\u302f\u3099-\u309a\ua66f'
            '\ua674-\ua67d\ua69e-\ua69f\ua6f0-\ua6f1\ua806\ua82c\ua8c4\ua8e0-\ua8f1\ua92b-\ua92d\ua953\ua9b3\ua9c0'
            '\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf\uaac1\uaaf6\uabed\ufb1e\ufe20-\ufe2f\uff9e-\uff9f'
            '\U000101fd\U000102e0\U00010376-\U0001037a\U00010a0d-\U00010a0f\U00010a38-\U00010a3f\U00010ae5-\U00010ae6'
            '\U00010d24-\U00010d27\U00010d69-\U00010d6d\U00010eab-\U00010eac\U00010efc-\U00010eff'
            '\U00010f46-\U00010f50\U00010f82-\U00010f85\U00011046\U00011070\U0001107f\U000110b9-\U000110ba'
            '\U00011100-\U00011102\U00011133-\U00011134\U00011173\U000111c0\U000111ca\U00011235-\U00011236'
            '\U000112e9-\U000112ea\U0001133b-\U0001133c\U0001134d\U00011366-\U00011374\U000113ce-\U000113d0'
            '\U00011442-\U00011446\U0001145e\U000114c2-\U000114c3\U000115bf-\U000115c0\U0001163f\U000116b6-\U000116b7'
            '\U0001172b\U00011839-\U0001183a\U0001193d-\U0001193e\U00011943\U000119e0\U00011a34\U00011a47\U00011a99'
            '\U00011c3f\U00011d42-\U00011d45\U00011d97\U00011f41-\U00011f42\U0001612f\U00016af0-\U00016af4'
            '\U00016b30-\U00016b36\U00016ff0-\U00016ff1\U0001bc9e\U0001d165-\U0001d169\U0001d16d-\U0001d172'
            '\U0001d17b-\U0001d182\U0001d185-\U0001d18b\U0001d1aa-\U0001d1ad\U0001d242-\U0001d244'
            '\U0001e000-\U0001e02a\U0001e08f\U0001e130-\U0001e136\U0001e2ae\U0001e2ec-\U0001e2ef\U0001e4ec-\U0001e4ef'
            '\U0001e5ee-\U0001e5ef\U0001e8d0-\U0001e8d6\U0001e944-\U0001e94a';
BEGIN
    said := left(said, 4096);
    IF said COLLATE "C" !~ '[^\u0001-\u007F가-힣]' THEN
        RETURN lower(said COLLATE "C");
    END IF;
    said := replace(said, U&'\E000', ' ');
    IF said COLLATE "C" ~ '[ㄳㄵㄶㄺ-ㅀㅄ]' THEN
        FOR n IN 1..31 BY 3 LOOP
            said := replace(said, substr(pairs, n, 1), substr(pairs, n + 1, 2));
        END LOOP;
    END IF;
    IF said COLLATE "C" ~ '[ㅏ-ㅣ]' THEN
        FOR n IN 0..20 LOOP -- in a tenth of the time that translate takes
            said := replace(said, chr(ascii('ㅏ') + n), chr(57345 + n));
        END LOOP;
    END IF;
    said := regexp_replace(said COLLATE "C", '([' || marks || ']{10})[' || marks || ']+', '\1', 'g');
    said := left(normalize(said, NFKC), 4096);
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

-- What is searched of a message: the one place that knows. What it carries is in capitals, which no word has.
CREATE OR REPLACE FUNCTION search_text(message room_events, state message_states) RETURNS text
LANGUAGE sql STABLE
AS $$
    SELECT search_fold(coalesce((state).body, (message).body, '')) || CASE
        WHEN (message).extra LIKE '%"files":%' THEN (
            SELECT concat(
                U&'\E000', upper((message).extra::jsonb ->> 'kind'), ' ', search_fold(string_agg(f ->> 'name', ' '))
            )
            FROM jsonb_array_elements((message).extra::jsonb -> 'files') AS f
        ) ELSE '' END
$$;

-- Write a chunk anew, from what its messages up to *upto* say now. The room's state is locked.
CREATE OR REPLACE FUNCTION search_rebuild(which integer, part integer, upto integer) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO search_chunks AS c
        (room_no, chunk, is_whole, first_at, last_at, seqs, ats, senders, texts, bytes)
    SELECT which, part, upto >= part * 128 + 127, min(m.at), max(m.at), array_agg(m.seq),
        array_agg(m.at), array_agg(m.sender_no), array_agg(m.said), sum(octet_length(m.said))
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
        ats = excluded.ats, senders = excluded.senders, texts = excluded.texts, bytes = excluded.bytes;
    IF NOT FOUND THEN
        DELETE FROM search_chunks WHERE room_no = which AND chunk = part;
    END IF;
END
$$;

-- Take the tails of *rooms*, one after another, into their chunks, as far as *most* of these go. ``behind`` are the
-- rooms that are not done, ``locked`` those that another node works on; *events* counts what was taken.
CREATE OR REPLACE FUNCTION index_rooms(
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
    FOREACH which IN ARRAY rooms LOOP
        IF most < 1 THEN
            behind := behind || which;
            CONTINUE;
        END IF;
        IF NOT EXISTS (SELECT FROM search_states s WHERE s.room_no = which)
            AND pg_try_advisory_xact_lock(hashtextextended('search of a room', which)) THEN
            INSERT INTO search_states VALUES (which, 0) ON CONFLICT DO NOTHING; -- nobody else does: no wait
        END IF;
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
            EXIT WHEN parts <> '{}' AND cardinality(parts) + cardinality(touched) > most;
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
