-- Splits the table of sessions into eight partitions by the hash of the id, where one table has grown too big to be
-- vacuumed in time. Nothing in Doorward depends on it, in either direction.
--
-- Stop all servers, make a backup, and run this as the owner of the tables:
--
--     psql --single-transaction --set ON_ERROR_STOP=1 --file partition-sessions.sql "$DATABASE_URL"
--
-- Everything happens in one transaction; it needs the room of the table twice. Afterwards, a lookup by the id goes to
-- one partition, and a search by anything else to all of them: lists of one user cost a little more than before.
-- Later migrations build indexes on the whole table in a transaction, see docs/decisions/0010-schema-changes.md.
-- Rights on the table are not taken over, unless ALTER DEFAULT PRIVILEGES gives them: grant them again.

DO $$
DECLARE
    indexes   text[];
    statement text;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = to_regclass('sessions')) IS DISTINCT FROM 'r' THEN
        RAISE EXCEPTION 'sessions is not there, or not an ordinary table';
    END IF;
    -- Their texts name the table as it is called now and will be called again.
    SELECT array_agg(pg_get_indexdef(indexrelid)) INTO indexes
        FROM pg_index WHERE indrelid = to_regclass('sessions') AND NOT indisprimary;
    LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE sessions RENAME TO sessions_whole;
    CREATE TABLE sessions (LIKE sessions_whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY HASH (id);
    FOR part IN 0..7 LOOP
        EXECUTE format(
            'CREATE TABLE sessions_part_%s PARTITION OF sessions FOR VALUES WITH (MODULUS 8, REMAINDER %s)', part, part
        );
    END LOOP;
    INSERT INTO sessions SELECT * FROM sessions_whole;
    DROP TABLE sessions_whole;
    ALTER TABLE sessions ADD PRIMARY KEY (id);
    FOREACH statement IN ARRAY indexes LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

ANALYZE sessions;
