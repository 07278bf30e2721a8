-- The record: facts append-only, what follows from them beside them. Every table's key begins with shard (design.md section 15).

create table shard (
  shard          int primary key,
  epoch          bigint not null default 0,      -- rises with each owner; a write under an older one is refused
  owner          text not null default '',
  next_offset    bigint not null default 0,      -- of holdfast.reports: the first record whose facts are not here
  seq            bigint not null default 0,      -- of the newest fact
  published_seq  bigint not null default 0,      -- all facts up to here are on holdfast.facts
  confirmed_at   timestamptz not null default now()
) with (fillfactor = 50);
comment on table shard is 'one row per Kafka partition: who owns it and how far it has come';

create table fact (
  shard       int not null,
  seq         bigint not null,
  kind        text not null,
  case_id     uuid,
  order_id    uuid,
  decided_at  timestamptz not null,
  boot_id     text not null,
  body        bytea not null,                    -- message Fact of proto/fact.proto
  inserted_at timestamptz not null default clock_timestamp(),
  primary key (shard, seq)
);
create index fact_of_case on fact (shard, case_id, seq);
comment on table fact is 'everything the core decided, gap-free per shard; append-only';

create table report (
  shard          int not null,
  topic_offset   bigint not null,
  report_id      uuid not null,
  case_id        uuid not null,
  key_id         text not null,
  form_reference text not null,
  made_at        timestamptz not null,
  appended_at    timestamptz not null,           -- by the broker
  consumed_at    timestamptz not null,
  decided_at     timestamptz not null,
  primary key (shard, topic_offset),
  unique (shard, report_id)
);

create table quarantine (
  shard        int not null,
  topic_offset bigint not null,
  reason       text not null,
  transfer     int not null,                     -- which one is meant, 0 = none
  key_id       text not null,
  report_id    uuid,
  case_id      uuid,
  raw          bytea not null,
  decided_at   timestamptz not null,
  primary key (shard, topic_offset)
);
comment on table quarantine is 'submissions that were not acted on, with their bytes and the reason';

create table fraud_case (
  shard       int not null,
  case_id     uuid not null,
  case_number text not null,
  victim      text not null,
  state       text not null,                     -- open, rested
  opened_at   timestamptz not null,
  wakes_at    timestamptz,                       -- of a rested case: the earliest end of a hold
  primary key (shard, case_id)
);
create index fraud_case_open on fraud_case (shard) where state = 'open';
create index fraud_case_wakes on fraud_case (shard, wakes_at) where state = 'rested' and wakes_at is not null;

create table account (
  shard       int not null,
  case_id     uuid not null,
  institution text not null,
  number      text not null,
  name        text not null,
  currency    text not null,
  amount      bigint not null,                   -- claimed by all transfers, minor units
  primary key (shard, case_id, institution, number)
);

create table order_state (
  shard         int not null,
  order_id      uuid not null,
  case_id       uuid not null,
  institution   text not null,
  account       text not null,
  action        text not null,
  ordinal       int not null,
  amount        bigint not null,
  currency      text not null,
  state         text not null,
  overdue       boolean not null default false,
  attempts      int not null default 0,
  issued_at     timestamptz not null,            -- append time of the cause
  decided_at    timestamptz not null,
  deadline      timestamptz not null,
  sent_at       timestamptz,                     -- last byte of the first attempt, handed to the kernel
  received_at   timestamptz,
  ended_at      timestamptz,                     -- our stamp of the feedback
  result        text,
  executed_at   timestamptz,                     -- as the institution claims
  balance       bigint,
  held          bigint,
  transactions  int,
  report_id     uuid not null,                   -- the authority: this report …
  key_id        text not null check (length(key_id) = 32), -- … signed by this key
  primary key (shard, order_id)
);
create index order_of_case on order_state (shard, case_id);

create table hold (
  shard            int not null,
  order_id         uuid not null,
  case_id          uuid not null,
  starts_earliest  timestamptz not null,
  starts_latest    timestamptz not null,
  expires_earliest timestamptz not null,
  expires_latest   timestamptz not null,
  held             bigint not null,
  lapsed_at        timestamptz,
  primary key (shard, order_id)
);

create table institution (
  shard int not null, code text not null, name text not null, payment_company boolean not null, dialect text not null,
  transport text not null, endpoint text not null, in_flight_max int not null, connections int not null, pace_per_s int not null,
  try_timeout_ms int not null, sla_feedback_ms int not null, enabled boolean not null, set_at timestamptz not null,
  primary key (shard, code)
);

create table registry_key (
  shard int not null, key_id text not null, holder text not null, unit text not null, role text not null,
  algorithm text not null, public_key bytea not null, valid_from timestamptz not null, valid_until timestamptz not null,
  revoked boolean not null, set_at timestamptz not null,
  primary key (shard, key_id)
);

create table policy (
  shard int not null, version int not null, feedback_ms int not null, set_at timestamptz not null,
  primary key (shard, version)
);

create table reveal (
  id bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(), who text not null default session_user, what text not null, reason text not null
);
comment on table reveal is 'each time that somebody had masked fields shown in full';

-- Append-only: refused even where a grant is wrong (security.md appendix A).
create function refuse_change() returns trigger language plpgsql as
  $$ begin raise exception '% is append-only', tg_table_name using errcode = '42501'; end $$;
create trigger fact_append_only before update or delete on fact for each row execute function refuse_change();
create trigger fact_no_truncate before truncate on fact for each statement execute function refuse_change();
create trigger report_append_only before update or delete on report for each row execute function refuse_change();
create trigger quarantine_append_only before update or delete on quarantine for each row execute function refuse_change();
create trigger reveal_append_only before update or delete on reveal for each row execute function refuse_change();

-- An order without the report that it traces to does not get in (law 4).
create function refuse_order_without_authority() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from report r where r.shard = new.shard and r.report_id = new.report_id) then
    raise exception 'order % has no report that it traces to', new.order_id using errcode = '23503';
  end if;
  return new;
end $$;
create trigger order_has_authority before insert on order_state for each row execute function refuse_order_without_authority();

-- Percentiles by nearest rank over raw microseconds; orders without feedback are counted, never dropped.
create view order_timing as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.state, o.overdue, r.appended_at, o.sent_at, o.received_at, o.ended_at,
       (extract(epoch from o.sent_at - r.appended_at) * 1000000)::bigint as appended_to_sent_us,
       (extract(epoch from o.received_at - o.sent_at) * 1000000)::bigint as sent_to_received_us,
       (extract(epoch from o.ended_at - o.sent_at) * 1000000)::bigint as sent_to_feedback_us
from order_state o join report r on r.shard = o.shard and r.report_id = o.report_id;
create function mask_account(number text) returns text language sql immutable as
  $$ select case when length(number) >= 13 then left(number, 6) || repeat('*', length(number) - 10) || right(number, 4)
                 when length(number) >= 6 then repeat('*', length(number) - 2) || right(number, 2)
                 else repeat('*', length(number)) end $$;
create function mask_name(name text) returns text language sql immutable as
  $$ select case when name = '' then '' else left(name, 1) || '*' end $$;
