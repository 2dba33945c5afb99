-- What operators did: a line before a command does anything, so that none is without one; its end when it has ended. A line
-- without an end: the command was killed in the middle, or runs.
create table journal (
    id       bigint generated always as identity primary key,
    at       timestamptz not null default now(),
    who      text not null,
    what     text not null,
    ended_at timestamptz,
    status   integer -- exit code
);
