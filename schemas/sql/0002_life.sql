-- The whole life of a case: commands and second officers, holds of accounts, the money's way, tasks, what spans cases.

-- Facts of holds are of accounts from here on. Cases of version 1 are decided again from the log, not converted.
do $$ begin
  if exists (select 1 from fact where kind in ('hold_placed', 'hold_lapsed')) then
    raise exception 'this database holds cases of schema version 1: start with an empty one, the log fills it again';
  end if;
end $$;

-- Reports and commands alike: what an order traces to. `raw` is kept of those that wait, so that a second officer signs the same bytes.
create table submission (
  shard           int not null,
  submission_id   uuid not null,
  case_id         uuid not null,
  kind            text not null,                 -- report, or the command's
  state           text not null,                 -- waits, done, rejected, expired
  key_id          text not null,
  second_id       text,
  unit            text,
  digest          bytea not null,
  raw             bytea,
  topic_offset    bigint not null,
  appended_at     timestamptz not null,
  due_at          timestamptz,                   -- waits: then it ends; done: then a countersignature is missed
  paper_by        timestamptz,
  paper_at        timestamptz,
  break_glass     boolean not null default false,
  reviewed_by     text,
  flagged         text,                          -- countersign_missed, paper_missed, break_glass: until it is reviewed
  document_type   text, document_number text, document_issuer text, document_sha256 bytea,
  reason          text,                          -- an officer's words
  primary key (shard, submission_id),
  check (second_id is null or second_id <> key_id)
);
create index submission_of_case on submission (shard, case_id);
create index submission_waits on submission (shard, due_at) where state = 'waits';
insert into submission (shard, submission_id, case_id, kind, state, key_id, digest, topic_offset, appended_at)
  select shard, report_id, case_id, 'report', 'done', key_id, ''::bytea, topic_offset, appended_at from report;

-- Orders trace to a submission that is done; a severe act to two officers, or to a break-glass that is flagged.
drop view order_timing;
drop trigger order_has_authority on order_state;
drop function refuse_order_without_authority();
alter table order_state rename column report_id to submission_id;
alter table order_state add column second_id text, add column parent uuid, add column hop int not null default 0, add column mode int not null default 0,
  add column page int not null default 0, add column until_at timestamptz, add column former_authority text, add column former_expires timestamptz;
create function refuse_order_without_authority() returns trigger language plpgsql as $$
declare s submission;
begin
  if new.state = 'draft' then return new; end if;
  select * into s from submission where shard = new.shard and submission_id = new.submission_id;
  if not found or s.state <> 'done' then
    raise exception 'order % has no submission that it traces to', new.order_id using errcode = '23503';
  end if;
  if s.kind in ('freeze', 'renew', 'lift', 'return', 'block') and s.second_id is null and not s.break_glass then
    raise exception 'order % is severe and traces to one officer', new.order_id using errcode = '23503';
  end if;
  return new;
end $$;
create trigger order_has_authority before insert on order_state for each row execute function refuse_order_without_authority();
create index order_of_parent on order_state (shard, parent) where parent is not null;

alter table account add column hop int not null default 0, add column by_serial boolean not null default false;
alter table fraud_case add column closed_at timestamptz;
create index account_everywhere on account (institution, number);

drop table hold;                                 -- of orders; its facts stay and say the same of accounts
create table hold (
  shard int not null, case_id uuid not null, institution text not null, number text not null, kind text not null,
  state text not null, count int not null, mode int not null, order_id uuid not null,
  starts_earliest timestamptz, starts_latest timestamptz, expires_earliest timestamptz, expires_latest timestamptz,
  held bigint not null, checked_at timestamptz, changed_at timestamptz not null,
  primary key (shard, case_id, institution, number, kind)
);
create index hold_lasts on hold (shard, expires_latest) where state in ('in_force', 'queued');
comment on table hold is 'one stop and one freeze of ours at most on an account of a case; its history is the facts hold_*';

create table trace (
  shard int not null, seq bigint not null, case_id uuid not null, query_id uuid not null, from_institution text not null, from_number text not null,
  to_institution text not null, to_number text not null, to_name text not null, root int not null, amount bigint not null,
  transfer_amount bigint not null, at timestamptz, serial text not null, bound text,
  primary key (shard, seq)
);
create index trace_of_case on trace (shard, case_id);
comment on table trace is 'how much stolen money of which victim''s transfer one onward transfer carried; bound: why it is not followed';

create table task (
  shard int not null, seq bigint not null, case_id uuid not null, task text not null, cause text, order_id uuid, submission_id uuid, opened_at timestamptz not null,
  primary key (shard, seq)
);
create index task_of_case on task (shard, case_id);

create table seen (
  shard int not null, seq bigint not null, case_id uuid not null, institution text not null, number text not null, other_id uuid, order_id uuid,
  suspect boolean not null, at timestamptz not null,
  primary key (shard, seq)
);
create index seen_of_case on seen (shard, case_id);
create table linked_case (shard int not null, case_id uuid not null, other_id uuid not null, at timestamptz not null, primary key (shard, case_id, other_id));

create table suspect_account (
  shard int not null, case_id uuid not null, institution text not null, number text not null, since timestamptz not null,
  primary key (shard, case_id, institution, number)
);
create index suspect_everywhere on suspect_account (institution, number);
comment on table suspect_account is 'accounts that were held in a case which an officer closed as confirmed';

alter table institution add column carrier boolean not null default false, add column swallows_duplicates boolean not null default false;
alter table registry_key add column jurisdiction text not null default '';
alter table policy add column settings jsonb not null default '{}';
create table protected_account (shard int not null, institution text not null, number text not null, set_at timestamptz not null, primary key (shard, institution, number));

create view order_timing as
select o.shard, o.order_id, o.case_id, o.institution, o.action, o.hop, o.state, o.overdue, s.appended_at, o.sent_at, o.received_at, o.ended_at,
       (extract(epoch from o.sent_at - o.issued_at) * 1000000)::bigint as appended_to_sent_us,
       (extract(epoch from o.received_at - o.sent_at) * 1000000)::bigint as sent_to_received_us,
       (extract(epoch from o.ended_at - o.sent_at) * 1000000)::bigint as sent_to_feedback_us
from order_state o join submission s on s.shard = o.shard and s.submission_id = o.submission_id where o.state not in ('draft', 'dropped', 'cancelled');

-- A task is open while what it is about is still so.
create view task_open as
select t.*, o.institution, o.account, o.action, o.state as order_state from task t
left join order_state o on o.shard = t.shard and o.order_id = t.order_id
left join submission s on s.shard = t.shard and s.submission_id = t.submission_id
where case t.task
  when 'call' then o.state = 'unknown'
  when 'fix' then o.state = 'refused_fixable' and not exists (select 1 from order_state f where f.shard = t.shard and f.parent = t.order_id and f.action = o.action)
  when 'confirm' then o.state = 'draft'
  when 'freeze' then not exists (select 1 from hold h where h.shard = t.shard and h.case_id = t.case_id and h.institution = o.institution
                                 and h.number = o.account and h.kind = 'freeze' and h.state in ('in_force', 'queued'))
  when 'countersign' then s.second_id is null and s.reviewed_by is null
  when 'review' then s.reviewed_by is null
  when 'paper' then s.paper_at is null
  when 'lift' then not exists (select 1 from order_state l where l.shard = t.shard and l.parent = t.order_id and l.action in ('lift', 'unfreeze'))
  when 'link' then not exists (select 1 from linked_case k where k.shard = t.shard and k.case_id = t.case_id and k.other_id = t.submission_id)
  else true end;

-- A shard is restored from its registry's facts and those of open cases: by index, however many facts of rested cases there are.
create index fact_of_registry on fact (shard, seq) where case_id is null;
