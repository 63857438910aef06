-- One batch of commands, in one round trip and one transaction of the server's own: no client ever holds the lock of
-- `head` while it is paused, busy or dead.

SET LOCAL ROLE saferweho_migrator;

-- Lock the end of the log. Raises SW001 when this is not the server that wrote it.
CREATE FUNCTION events.lock_head() RETURNS events.head LANGUAGE plpgsql AS $$
DECLARE
    h events.head;
    here text := events.server_identity();
BEGIN
    SELECT * INTO STRICT h FROM events.head FOR UPDATE;
    IF h.identity <> here THEN
        IF h.position > 0 THEN
            RAISE EXCEPTION 'the log was written on %, this is %', h.identity, here USING ERRCODE = 'SW001';
        END IF;
        h.identity := here;  -- an empty log can't be forked
    END IF;
    RETURN h;
END
$$;

-- As the last statement of the transaction.
CREATE FUNCTION events.advance_head(h events.head) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE events.head SET position = h.position, rolling_hash = h.rolling_hash, identity = h.identity;
    PERFORM pg_notify('saferweho_events', h.position::text);
END
$$;

-- For the library's recorder: all or nothing, versions guarded by the primary key alone. Returns the first position.
CREATE FUNCTION events.insert_events(streams text[], versions bigint[], types text[], contents bytea[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    h events.head := events.lock_head();
    base bigint := h.position;
    content bytea;
BEGIN
    INSERT INTO events.stored_events (originator_id, originator_version, topic, state, notification_id)
    SELECT e.stream, e.version, e.type, e.content, base + e.n
    FROM unnest(streams, versions, types, contents) WITH ORDINALITY AS e (stream, version, type, content, n);
    FOREACH content IN ARRAY contents LOOP
        h.rolling_hash := sha256(h.rolling_hash || sha256(content));
    END LOOP;
    h.position := base + cardinality(contents);
    PERFORM events.advance_head(h);
    RETURN base + 1;
END
$$;

-- Commands are numbered from 1 in the order of the arrays; a later one sees what an earlier one did. `streams` lists
-- each stream of the batch once, and the other arrays name them by number. `check_*`: versions that must still hold.
-- Returns one row for command 0 with the position before the batch, and one for each command that was not written:
-- 'known' (first_position, last_position, digest, answer, submission) or 'stale' (stream, expected, actual).
CREATE FUNCTION events.append_batch(
    command_ids uuid[], digests bytea[], answers bytea[], submissions bigint[], streams text[],
    check_commands bigint[], check_streams bigint[], check_versions bigint[],
    event_commands bigint[], event_streams bigint[], event_versions bigint[], event_types text[], event_contents bytea[],
    document_commands bigint[], document_hashes bytea[], document_media_types text[], document_contents bytea[])
RETURNS TABLE (command int, outcome text, first_position bigint, last_position bigint, digest bytea, answer bytea,
               submission bigint, stream bigint, expected bigint, actual bigint)
LANGUAGE plpgsql
AS $$
#variable_conflict use_column
DECLARE
    h events.head := events.lock_head();
    base bigint := h.position;
    commands int := cardinality(command_ids);
    checks int := cardinality(check_commands);
    events int := cardinality(event_commands);
    versions bigint[];
    writes boolean[] := array_fill(true, ARRAY[commands]);
    firsts bigint[] := array_fill(NULL::bigint, ARRAY[commands]);
    lasts bigint[] := array_fill(NULL::bigint, ARRAY[commands]);
    positions bigint[] := array_fill(NULL::bigint, ARRAY[events]);
    c int := 1;
    e int := 1;
    known record;
BEGIN
    command := 0;
    first_position := base;
    RETURN NEXT;

    outcome := 'known';
    FOR known IN
        SELECT i.n, k.* FROM unnest(command_ids) WITH ORDINALITY AS i (id, n)
        JOIN events.commands k ON k.command_id = i.id
    LOOP
        writes[known.n] := false;
        command := known.n;
        first_position := known.first_position;
        last_position := known.last_position;
        digest := known.digest;
        answer := known.answer;
        submission := known.submission;
        RETURN NEXT;
    END LOOP;

    versions := ARRAY(
        SELECT coalesce((SELECT s.originator_version FROM events.stored_events s WHERE s.originator_id = i.id
                         ORDER BY s.originator_version DESC LIMIT 1), 0)
        FROM unnest(streams) WITH ORDINALITY AS i (id, n) ORDER BY i.n);

    outcome := 'stale';
    FOR i IN 1..commands LOOP
        WHILE c <= checks AND check_commands[c] = i LOOP
            IF writes[i] AND versions[check_streams[c]] <> check_versions[c] THEN
                writes[i] := false;
                command := i;
                stream := check_streams[c];
                expected := check_versions[c];
                actual := versions[check_streams[c]];
                RETURN NEXT;
            END IF;
            c := c + 1;
        END LOOP;
        IF writes[i] THEN
            firsts[i] := h.position + 1;
        END IF;
        WHILE e <= events AND event_commands[e] = i LOOP
            IF writes[i] THEN
                h.position := h.position + 1;
                h.rolling_hash := sha256(h.rolling_hash || sha256(event_contents[e]));
                versions[event_streams[e]] := event_versions[e];
                positions[e] := h.position;
            END IF;
            e := e + 1;
        END LOOP;
        IF writes[i] THEN
            lasts[i] := h.position;
        END IF;
    END LOOP;

    IF cardinality(document_commands) > 0 THEN
        INSERT INTO events.documents (sha256, media_type, content)
        SELECT d.hash, d.media_type, d.content
        FROM unnest(document_commands, document_hashes, document_media_types, document_contents)
             AS d (command, hash, media_type, content)
        WHERE writes[d.command]
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO events.stored_events (originator_id, originator_version, topic, state, notification_id)
    SELECT streams[s.stream], s.version, s.type, s.content, s.position
    FROM unnest(event_streams, event_versions, event_types, event_contents, positions)
         AS s (stream, version, type, content, position)
    WHERE s.position IS NOT NULL;
    INSERT INTO events.commands (command_id, digest, answer, first_position, last_position, submission)
    SELECT i.id, i.digest, i.answer, i.first, i.last, i.submission
    FROM unnest(command_ids, digests, answers, firsts, lasts, submissions)
         AS i (id, digest, answer, first, last, submission)
    WHERE i.last IS NOT NULL;
    IF h.position > base THEN
        PERFORM events.advance_head(h);
    END IF;
END
$$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA events FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA events TO saferweho_writer;
GRANT EXECUTE ON FUNCTION events.server_identity() TO saferweho_relay, saferweho_reader;
