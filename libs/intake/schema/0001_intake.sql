-- How far this service has taken in what others emit (design.md, "Apply").

create table consumer_offset (
    topic       text not null,
    partition   integer not null,
    next_offset bigint not null, -- -2: from the beginning
    looked_for  text,            -- source and watermark behind which the event was missing: it was looked for once
    primary key (topic, partition)
);

-- The last position of each source whose effect is here, for each partition.
create table consumer_watermark (
    source    text not null,
    topic     text not null,
    partition integer not null,
    epoch     bigint not null,
    xid       bigint not null,
    seq       bigint not null,
    index     integer not null,
    primary key (source, topic, partition)
);

-- Events that cannot be applied, and what waits behind them; released or dropped by an operator.
create table quarantine (
    id            bigint generated always as identity primary key,
    topic         text not null,
    partition     integer not null,
    "offset"      bigint not null,
    key           text not null,
    subject       text not null, -- later events of the same one wait
    source        text not null,
    position      text not null,
    type          text not null,
    event         uuid,
    event_time    timestamptz,
    reason        text not null,
    value         bytea,
    held_at       timestamptz not null default now(),
    dropped_at    timestamptz, -- had no effect and will have none; kept so that it is not taken back as a ghost either
    dropped_by    text
);
create index quarantine_subject on quarantine (topic, subject) where dropped_at is null;
