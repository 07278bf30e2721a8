-- Rows that stand for an institution (its second endpoint, its secondary channel), whom it has named to be called, and who was.
alter table institution add column stands_for text, add column contact_a text, add column contact_b text;
comment on column institution.stands_for is 'another way to that institution, for its orders only; null: an institution itself';
comment on column institution.contact_a is 'name; telephone; hours; the day it ends: as signed (engine/core/contact.h)';

create table institution_call (
  shard int not null, seq bigint not null, institution text not null, step text not null, at timestamptz not null, next_at timestamptz, orders int not null,
  primary key (shard, seq)
);
comment on table institution_call is 'an institution''s silence and its end, and who was to be called between: silent, way, contact_a, contact_b, leader, answers';
comment on column institution_call.next_at is 'the next one''s turn unless it answers; null: none';
create index on institution_call (institution, at);

/* Whether whom `contact` names is on duty then; null: nobody is named. */
create function on_duty(contact text, moment timestamptz) returns boolean language sql immutable as $$
  select case when contact is null then null when local >= split_part(contact, '; ', 4)::timestamp then false
              when h.from_ > h.to_ then extract(hour from local)::int >= h.from_ or extract(hour from local)::int < h.to_
              else extract(hour from local)::int >= h.from_ and extract(hour from local)::int < h.to_ end
  from (select moment at time zone 'UTC' + interval '8 hours' as local) l,
       (select split_part(split_part(contact, '; ', 3), '-', 1)::int as from_, split_part(split_part(contact, '; ', 3), '-', 2)::int as to_) h $$;

grant select, insert on institution_call to holdfast_engine;
grant select on institution_call to holdfast_officer, holdfast_auditor, holdfast_console;
alter table institution_call enable row level security;
alter table institution_call force row level security;
create policy centre on institution_call using (true) with check (true);
create policy own on institution_call as restrictive to holdfast_institution using (false);
create trigger institution_call_append_only before update or delete on institution_call for each row execute function refuse_change();
create trigger institution_call_no_truncate before truncate on institution_call for each statement execute function refuse_change();
