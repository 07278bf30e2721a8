-- Facts by day (decision 30): a day of them is a table of its own, made ahead, and put aside when nothing that is open needs it.

-- First, beside running engines: until then facts go to the table that is there.
do $$ begin
  if not exists (select from pg_constraint where conname = 'fact_before_days') then
    execute format('alter table fact add constraint fact_before_days check (decided_at < %L) not valid',
                   ((now() at time zone 'Asia/Shanghai')::date + 30)::timestamp at time zone 'Asia/Shanghai');
  end if;
end $$;

alter table fact validate constraint fact_before_days;

-- Then, in one transaction: no row is read or moved, so that whoever writes waits for milliseconds.

lock table fact in access exclusive mode;
alter table fact rename to fact_before;
alter table fact_before rename constraint fact_pkey to fact_before_pkey;
alter index fact_of_case rename to fact_before_of_case;
alter index fact_of_registry rename to fact_before_of_registry;
drop trigger fact_append_only on fact_before;

create table fact (like fact_before including defaults including comments) partition by range (decided_at);
create index fact_of_case on fact (shard, case_id, seq);
create index fact_of_registry on fact (shard, seq) where case_id is null;
comment on table fact is 'everything the core decided, gap-free per shard; append-only; a table per day of decided_at, China''s';
create trigger fact_append_only before update or delete on fact for each row execute function refuse_change();
create trigger fact_no_truncate before truncate on fact for each statement execute function refuse_change();

grant select on fact to holdfast_engine, holdfast_officer, holdfast_auditor;
grant insert (shard, seq, kind, case_id, order_id, decided_at, boot_id, body, salt, leaf) on fact to holdfast_engine;
revoke all on fact_before from holdfast_engine, holdfast_officer, holdfast_auditor;
revoke insert (shard, seq, kind, case_id, order_id, decided_at, boot_id, body, salt, leaf) on fact_before from holdfast_engine;
alter table fact enable row level security;
alter table fact force row level security;
create policy centre on fact using (true) with check (true);
create policy own on fact as restrictive to holdfast_institution using (false);

/* Where a day of China's begins. */
create function day_begins(day date) returns timestamptz language sql immutable parallel safe as $$ select day::timestamp at time zone 'UTC' - interval '8 hours' $$;

do $$
declare until timestamptz;
begin
  if not exists (select from fact_before) then
    drop table fact_before;
    return;
  end if;
  select (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1]::timestamptz into until from pg_constraint where conname = 'fact_before_days';
  execute format('alter table fact attach partition fact_before for values from (minvalue) to (%L)', until);
end $$;

/* Until then facts are in the table from before there were days; null: there is none. */
create function before_days() returns timestamptz language sql stable set search_path = pg_catalog, public as
  $$ select (regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''([^'']+)''\)'))[1]::timestamptz from pg_class where oid = to_regclass('public.fact_before') $$;

/*
 * Makes the days from the one before `at` to two weeks after it, where they are not there. Attached, not created in place: that waits
 * for nobody who reads or writes facts, and nobody waits for it.
 */
create function cover_days(at timestamptz) returns void language plpgsql security definer set search_path = pg_catalog, public as $$
declare
  today date := (at at time zone 'UTC' + interval '8 hours')::date;
  until timestamptz := public.before_days();
  day date;
  name text;
begin
  perform pg_advisory_xact_lock(4844);
  for day in select today + n from generate_series(-1, 14) n loop
    name := 'fact_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('public.' || name) is not null or to_regclass('archive.' || name) is not null or public.day_begins(day + 1) <= until;
    execute format('create table public.%I (like public.fact including defaults including comments, primary key (shard, seq))', name);
    execute format('alter table public.%I enable row level security', name);
    execute format('alter table public.%I force row level security', name);
    execute format('create policy centre on public.%I using (true) with check (true)', name);
    execute format('create policy own on public.%I as restrictive to holdfast_institution using (false)', name);
    execute format('create trigger fact_no_truncate before truncate on public.%I for each statement execute function public.refuse_change()', name);
    execute format('alter table public.fact attach partition public.%I for values from (%L) to (%L)', name, greatest(public.day_begins(day), until), public.day_begins(day + 1));
  end loop;
end $$;
revoke all on function cover_days(timestamptz) from public;
grant execute on function cover_days(timestamptz) to holdfast_engine;
select cover_days(now());

-- Days that were put aside: nothing adds to them, nothing changes them, who may read facts reads them in fact_ever.
create schema archive;
grant usage on schema archive to holdfast_engine, holdfast_officer, holdfast_auditor;
create view fact_ever with (security_invoker = true) as select * from fact;
grant select on fact_ever to holdfast_engine, holdfast_officer, holdfast_auditor;
comment on view fact_ever is 'facts of all days, also of those that were put aside';

/*
 * A case's facts, for its return. Nearly every report is of a case that is not there yet: that is found out by two keys, without a look at each
 * day's table (measured: to plan that took longer than all the rest of the look-up). One plan a session, for the same reason.
 */
create function case_facts(shard_ int, case_ uuid) returns table (body bytea, seq bigint) language plpgsql stable set search_path = pg_catalog, public
  set plan_cache_mode = force_generic_plan as $$
begin
  if exists (select from public.fraud_case c where c.shard = shard_ and c.case_id = case_) or exists (select from public.submission s where s.shard = shard_ and s.case_id = case_) then
    return query select f.body, f.seq from public.fact_ever f where f.shard = shard_ and f.case_id = case_ and f.kind not in ('case_rested', 'case_returned', 'quarantined');
  end if;
end $$;
revoke all on function case_facts(int, uuid) from public;
grant execute on function case_facts(int, uuid) to holdfast_engine;

/* fact and each day that is in archive. */
create function rebuild_fact_ever() returns void language plpgsql set search_path = pg_catalog, public as $$
begin
  execute (select 'create or replace view public.fact_ever with (security_invoker = true) as select * from public.fact'
    || coalesce(string_agg(format(' union all select shard, seq, kind, case_id, order_id, decided_at, boot_id, body, inserted_at, salt, leaf from archive.%I', c.relname), '' order by c.relname), '')
    from pg_class c where c.relnamespace = 'archive'::regnamespace and c.relkind = 'r' and c.relname not like '%_returns');
end $$;
revoke all on function rebuild_fact_ever() from public;

/* Why a day's facts have to stay where a restart and a case's return look for them; null: they may go. */
create function day_needed(day text) returns text language plpgsql stable set search_path = pg_catalog, public as $$
declare found text;
begin
  execute format($q$ select case
    when exists (select from public.%1$I where decided_at > now() - interval '30 days') then 'young'
    when exists (select from public.%1$I f join public.shard s using (shard) where f.seq > s.published_seq) then 'unpublished'
    when exists (select from public.%1$I where case_id is null and kind not in ('quarantined', 'clock_noted', 'access_noted', 'registry_changed', 'lane_noted', 'call_raised')) then 'registry'
    when exists (select from public.%1$I f join public.fraud_case c using (shard, case_id) where c.state = 'open' or c.closed_at is null or c.wakes_at is not null) then 'open_case' end $q$, day) into found;
  return found;
end $$;
revoke all on function day_needed(text) from public;

/* By the tables' owner, with a lock_timeout: a transaction of milliseconds. */
create function put_day_aside(day text) returns void language plpgsql set search_path = pg_catalog, public as $$
begin
  execute format('alter table public.fact detach partition public.%I', day);
  execute format('alter table public.%I set schema archive', day);
  execute format('create trigger fact_append_only before insert or update or delete on archive.%I for each row execute function public.refuse_change()', day);
  execute format('grant select on archive.%I to holdfast_engine, holdfast_officer, holdfast_auditor', day);
  perform public.rebuild_fact_ever();
end $$;
revoke all on function put_day_aside(text) from public;

create function put_day_back(day text) returns void language plpgsql set search_path = pg_catalog, public as $$
declare first date := to_date(substr(day, 6), 'YYYYMMDD');
begin
  execute format('drop trigger fact_append_only on archive.%I', day);
  execute format('revoke all on archive.%I from holdfast_engine, holdfast_officer, holdfast_auditor', day);
  execute format('alter table archive.%I rename to %I', day, day || '_returns');
  perform public.rebuild_fact_ever();
  execute format('alter table archive.%I set schema public', day || '_returns');
  execute format('alter table public.%I rename to %I', day || '_returns', day);
  execute format('alter table public.fact attach partition public.%I for values from (%L) to (%L)', day, greatest(public.day_begins(first), public.before_days()), public.day_begins(first + 1));
end $$;
revoke all on function put_day_back(text) from public;
