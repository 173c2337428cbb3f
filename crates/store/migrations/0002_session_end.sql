-- Sessions that have ended are found by when they did, so that the clean-up need not read the others. This is only an
-- index: versions that do not know of it go on beside it.

CREATE INDEX sessions_by_end ON sessions (ended, id) WHERE ended IS NOT NULL;
