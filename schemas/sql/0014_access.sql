-- What somebody had shown in full, took away or destroyed: signed by who did it, a fact with its leaf before anything is shown.
create table access (
  shard int not null, seq bigint not null, access_id uuid not null, kind text not null, what text not null, reason text not null, case_id uuid, key_id text not null,
  made_at timestamptz not null, appended_at timestamptz not null, topic_offset bigint not null, at timestamptz not null,
  primary key (shard, seq)
);
comment on table access is 'each time that somebody had masked fields shown in full, exported, or destroyed the keys of a case: by whose key, why';
create index on access (at);

grant select, insert on access to holdfast_engine;
grant select on access to holdfast_officer, holdfast_auditor;
alter table access enable row level security;
alter table access force row level security;
create policy centre on access using (true) with check (true);
create policy own on access as restrictive to holdfast_institution using (false);
create trigger access_append_only before update or delete on access for each row execute function refuse_change();
create trigger access_no_truncate before truncate on access for each statement execute function refuse_change();

-- Who changed the registry: one proposed, another approved.
create table registry_change (
  shard int not null, seq bigint not null, change_id uuid not null, key_id text not null, second_id text, topic_offset bigint not null, made_at timestamptz not null,
  appended_at timestamptz not null, institutions int not null, keys int not null, protected int not null, policy boolean not null, sla boolean not null, at timestamptz not null,
  primary key (shard, seq)
);
comment on table registry_change is 'each change of the registry: by whose keys, and how many rows; the rows themselves are the facts after it';
grant select, insert on registry_change to holdfast_engine;
grant select on registry_change to holdfast_officer, holdfast_auditor;
alter table registry_change enable row level security;
alter table registry_change force row level security;
create policy centre on registry_change using (true) with check (true);
create policy own on registry_change as restrictive to holdfast_institution using (false);
create trigger registry_change_append_only before update or delete on registry_change for each row execute function refuse_change();
create trigger registry_change_no_truncate before truncate on registry_change for each statement execute function refuse_change();

-- A row that anybody could write proved nothing: what was written before stays, nothing is added.
revoke insert (what, reason) on reveal from holdfast_officer, holdfast_auditor, holdfast_keeper;
comment on table reveal is 'until schema version 14: what access says now';

-- Who destroys keys signs it, and waits until that is recorded.
grant select (next_offset) on shard to holdfast_keeper;
grant select (shard, topic_offset, reason, transfer) on quarantine to holdfast_keeper;
