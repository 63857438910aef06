-- Privacy overrides: what waits for an answer, what is in effect, what awaits its review. One row a stream; no free text
-- (it may speak of people), that stays in the stream.

CREATE TABLE overrides (
    override text PRIMARY KEY,
    phase text NOT NULL,           -- waiting | refused | unanswered | granted | expired
    emergency boolean NOT NULL,    -- opened by one person (break-glass)
    target text NOT NULL,
    flight text,                   -- that a zone is lifted for
    range_since timestamptz NOT NULL,
    range_until timestamptz NOT NULL,
    purpose text NOT NULL,
    call_number text,
    case_number text,
    basis_kind text,               -- of a break-glass: once it is justified
    basis_number text,
    basis_issuer text,
    minutes integer,               -- asked for
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    awaits_until timestamptz,
    decided_by text,               -- who approved or refused; none where a rule refused
    decided_at timestamptz,
    reasons jsonb,                 -- of the refusal
    expires_at timestamptz,
    ended_at timestamptz,
    uses integer NOT NULL,
    last_used_at timestamptz,
    justify_by timestamptz,
    justified_at timestamptz,
    justified_late boolean,
    review_by timestamptz,
    reviewed_by text,
    reviewed_at timestamptz,
    verdict text,
    reviewed_late boolean
);
CREATE INDEX overrides_waiting ON overrides (requested_at) WHERE phase = 'waiting';
CREATE INDEX overrides_granted ON overrides (expires_at) WHERE phase = 'granted';
CREATE INDEX overrides_unreviewed ON overrides (review_by) WHERE review_by IS NOT NULL AND reviewed_at IS NULL;
CREATE INDEX overrides_of_person ON overrides (requested_by, requested_at);
CREATE INDEX overrides_by_target ON overrides (target);
CREATE INDEX overrides_by_request ON overrides (requested_at, override);
