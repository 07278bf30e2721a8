-- Personal data (decision 21): account numbers and names stand everywhere as pseudonyms, their clear values sealed in the facts.

-- What is there in clear cannot be sealed behind the leaves' back.
do $$ begin
  if exists (select 1 from fact where kind in ('report_accepted', 'submission_waits', 'quarantined', 'protected_set')) then
    raise exception 'this database holds facts with account numbers and names in clear: start with an empty one, the log fills it again';
  end if;
end $$;

create table case_key (
  shard      int not null,
  case_id    uuid not null,                      -- zeroes: facts of no case
  first_seq  bigint not null,                    -- the first fact under it; until the case's next key
  wrapped_by text not null,                      -- the wrapping key's name in the file of personal keys
  wrapped    bytea not null,
  primary key (shard, case_id, first_seq)
);
comment on table case_key is 'data keys of cases, wrapped by a key outside PostgreSQL; deleted when the legal term is over';

alter table quarantine add column seq bigint not null;
comment on column quarantine.raw is 'sealed under the data key of the case that fact seq is of';

-- What stands before the '~' is the mask; after it, the same account has the same token.
create or replace function mask_account(number text) returns text language sql immutable as $$ select split_part(number, '~', 1) $$;
create or replace function mask_name(name text) returns text language sql immutable as $$ select split_part(name, '~', 1) $$;

-- Who keeps the keys: wraps them anew and destroys them, and says so.
do $$ begin
  if not exists (select 1 from pg_roles where rolname = 'holdfast_keeper') then
    create role holdfast_keeper nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
  end if;
  execute format('grant connect on database %I to holdfast_keeper', current_database());
end $$;
grant usage on schema public to holdfast_keeper;
grant select, delete on case_key to holdfast_keeper;
grant update (wrapped_by, wrapped) on case_key to holdfast_keeper;
grant select (shard, case_id, state, closed_at) on fraud_case to holdfast_keeper;
grant select (shard) on shard to holdfast_keeper;
grant insert (what, reason) on reveal to holdfast_keeper;

grant select, insert on case_key to holdfast_engine;
grant select on case_key to holdfast_officer, holdfast_auditor;

alter table case_key enable row level security;
alter table case_key force row level security;
create policy centre on case_key using (true) with check (true);
create policy own on case_key as restrictive to holdfast_institution using (false);
create trigger case_key_no_truncate before truncate on case_key for each statement execute function refuse_change();

comment on table reveal is 'each time that somebody had masked fields shown in full, or destroyed the keys of a case';
