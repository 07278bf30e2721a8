-- Who may do what (security.md section 6): group roles without log-in; a person or program logs in as a member of one.
-- They belong to the whole cluster: who migrates makes those that are missing, and needs CREATEROLE for it, once.

do $$
declare name text;
begin
  foreach name in array array['holdfast_engine', 'holdfast_officer', 'holdfast_auditor', 'holdfast_console', 'holdfast_institution'] loop
    if not exists (select 1 from pg_roles where rolname = name) then
      execute format('create role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls', name);
    end if;
  end loop;
end $$;

-- Nothing for everybody.
revoke all on schema public from public;
revoke all on all tables in schema public from public;
revoke all on all sequences in schema public from public;
grant usage on schema public to holdfast_engine, holdfast_officer, holdfast_auditor, holdfast_console, holdfast_institution;
do $$ begin execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to holdfast_engine, holdfast_officer, holdfast_auditor, holdfast_console, holdfast_institution', current_database());
  execute format('grant temporary on database %I to holdfast_auditor', current_database()); -- audit replay makes its tables again, in a transaction of its own
end $$;

-- Which institution a log-in is: rows of other institutions are not there for it.
create table institution_login (login text primary key, code text not null);
comment on table institution_login is 'which institution a member of holdfast_institution is; written by whoever makes the log-in';
create function own_institution() returns text language sql stable security definer set search_path = pg_catalog, public as
  $$ select code from public.institution_login where login = session_user $$;
revoke all on function own_institution() from public;
grant execute on function own_institution() to holdfast_institution;

-- The engine: appends to what is append-only, changes only what says how things stand now, deletes nothing.
grant select on all tables in schema public to holdfast_engine;
revoke select on institution_login, reveal from holdfast_engine;
grant insert (shard, seq, kind, case_id, order_id, decided_at, boot_id, body, salt, leaf) on fact to holdfast_engine;
grant insert (shard, size, note) on checkpoint to holdfast_engine;
grant insert on report, quarantine, audit_node, trace, task, seen, linked_case to holdfast_engine;
grant insert, update on shard, fraud_case, account, order_state, hold, institution, registry_key, submission to holdfast_engine;
grant insert on policy, suspect_account, protected_account to holdfast_engine;

-- Only a table's owner may analyze it (PostgreSQL 15), and a plan made for an empty table is slow on a full one.
create function refresh_statistics() returns void language plpgsql security definer set search_path = pg_catalog, public as
  $$ begin analyze public.order_state, public.fraud_case, public.hold, public.report, public.submission, public.account, public.task; end $$;
revoke all on function refresh_statistics() from public;
grant execute on function refresh_statistics() to holdfast_engine;

-- Officers' tools read (masked on the screen; what is shown in full is in reveal). They write through Kafka, signed.
grant select on all tables in schema public to holdfast_officer;
revoke select on institution_login from holdfast_officer;
grant insert (what, reason) on reveal to holdfast_officer;

-- Auditors read everything, and keep what a witness has signed.
grant select on all tables in schema public to holdfast_auditor;
grant insert (what, reason) on reveal to holdfast_auditor;
grant insert (shard, size, witness, line) on cosignature to holdfast_auditor;

-- A console shows figures: no names, no numbers, no raw bytes.
grant select on order_timing, order_verdict, scorecard to holdfast_console;
grant select on shard, checkpoint, cosignature, policy, schema_version to holdfast_console;
grant select (shard, code, name, payment_company, dialect, transport) on institution to holdfast_console;
grant select (shard, order_id, case_id, institution, action, ordinal, hop, state, overdue, attempts, issued_at, decided_at, deadline, sent_at, received_at, ended_at, result, executed_at,
  submission_id) on order_state to holdfast_console;
grant select (shard, submission_id, appended_at) on submission to holdfast_console;
grant select (shard, seq, case_id, task, cause, order_id, submission_id, opened_at) on task to holdfast_console;

-- An institution sees how its own orders went, and nothing of whom they are about.
grant select (shard, order_id, case_id, institution, action, ordinal, state, overdue, attempts, issued_at, decided_at, deadline, sent_at, received_at, ended_at, result, executed_at)
  on order_state to holdfast_institution;
grant select on order_verdict, scorecard to holdfast_institution;

-- Append-only is refused by a trigger, too: where a grant is wrong, and to the owner.
do $$
declare name text;
begin
  foreach name in array array['trace', 'task', 'seen', 'linked_case', 'audit_node', 'checkpoint', 'cosignature'] loop
    execute format('create trigger %I before update or delete on %I for each row execute function refuse_change()', name || '_append_only', name);
  end loop;
  foreach name in array array['report', 'quarantine', 'reveal', 'trace', 'task', 'seen', 'linked_case', 'audit_node', 'checkpoint', 'cosignature'] loop
    execute format('create trigger %I before truncate on %I for each statement execute function refuse_change()', name || '_no_truncate', name);
  end loop;
end $$;

-- Rows by institution. Forced: the tables' owner is bound by it as well; only a superuser is not, and no program is one.
do $$
declare name text;
begin
  for name in select tablename from pg_tables where schemaname = 'public' and tablename not in ('schema_version', 'institution_login') loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy centre on %I using (true) with check (true)', name);
    execute format('create policy own on %I as restrictive to holdfast_institution using (%s)', name,
                   case when name = 'order_state' then 'institution = own_institution()' else 'false' end);
  end loop;
end $$;

-- A view shows its reader no more than the tables would.
alter view order_timing set (security_invoker = true);
alter view task_open set (security_invoker = true);
alter view order_verdict set (security_invoker = true);
alter view scorecard set (security_invoker = true);
