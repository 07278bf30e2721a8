-- What came over holdfast.answers is durable there: read on from here, like the reports (design.md law 1).
alter table shard add column next_answer bigint not null default 0;
comment on column shard.next_answer is 'of holdfast.answers: the first record whose facts may not be here';

-- The institutions' door knows who they are and which keys are theirs; of facts, cases and orders it sees nothing.
do $$ begin
  if not exists (select 1 from pg_roles where rolname = 'holdfast_gate') then
    create role holdfast_gate nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
  end if;
end $$;
grant usage on schema public to holdfast_gate;
do $$ begin execute format('grant connect on database %I to holdfast_gate', current_database()); end $$;
grant select on schema_version to holdfast_gate;
grant select (shard, code, enabled, set_at) on institution to holdfast_gate;
grant select (shard, key_id, holder, unit, role, algorithm, public_key, valid_from, valid_until, revoked, set_at) on registry_key to holdfast_gate;
