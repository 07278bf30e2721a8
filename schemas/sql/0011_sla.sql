-- SLA policies as they were signed, and what the raw stamps say of each order by them (engine/core/sla.h says the same; a proof holds them equal).

create table sla (
  shard int not null, version int not null, effective_at timestamptz not null, text text not null, set_at timestamptz not null,
  primary key (shard, version)
);
comment on table sla is 'how long institutions may take, by the text that an administrator signed before it became effective';

/* The limits in milliseconds for an order whose cause was appended at `issued`: the first rule that fits, by China's hours and days. */
create function sla_limits(policy text, institution_ text, action_ text, issued timestamptz, out receipt_ms int, out feedback_ms int) language plpgsql immutable as $$
declare
  entry text; word text[]; local timestamp := issued at time zone 'UTC' + interval '8 hours'; kind text;
begin
  kind := case when extract(isodow from local) >= 6 then 'holiday' else 'workday' end;
  foreach entry in array string_to_array(rtrim(policy, ';'), ';') loop
    word := string_to_array(entry, ' ');
    if word[1] = 'day' then
      if word[2]::date = local::date then kind := word[3]; end if;
    elsif word[1] in ('*', institution_) and word[2] in ('*', action_) and word[4] in ('any', kind)
          and extract(hour from local)::int >= split_part(word[3], '-', 1)::int and extract(hour from local)::int < split_part(word[3], '-', 2)::int then
      receipt_ms := word[5]; feedback_ms := word[6];
      return;
    end if;
  end loop;
  raise exception 'no rule of this policy fits';
end $$;

/* got null: not there. What passed since the decision, against what was left of the limit then. */
create function sla_judge(limit_ms int, issued timestamptz, decided timestamptz, decided_mono_ns bigint, got timestamptz, got_mono_ns bigint, over boolean) returns text language sql immutable as $$
  select case when got is null then case when over then 'missing' else 'open' end
    when elapsed_us(decided, decided_mono_ns, got, got_mono_ns) <= limit_ms * 1000::int8 - (extract(epoch from decided - issued) * 1000000)::int8 then 'in_time' else 'late' end $$;

create function sla_verdict(policy text, institution text, action text, issued timestamptz, decided timestamptz, decided_mono_ns bigint, sent timestamptz, received timestamptz,
  received_mono_ns bigint, ended timestamptz, ended_mono_ns bigint, overdue boolean, out receipt text, out feedback text) language sql immutable as $$
  select case when sent is null then 'not_sent' else sla_judge(l.receipt_ms, issued, decided, decided_mono_ns, coalesce(received, ended),
                                                               case when received is null then ended_mono_ns else received_mono_ns end, overdue) end,
         case when sent is null then 'not_sent' else sla_judge(l.feedback_ms, issued, decided, decided_mono_ns, ended, ended_mono_ns, overdue) end
  from sla_limits(policy, institution, action, issued) l $$;

/* Each order by the policy that was in force when its cause was appended; orders from before the first policy are not here. */
create view order_sla with (security_invoker = true) as
select o.shard, o.order_id, o.institution, o.action, p.version, o.issued_at, o.deadline, o.issued_at + l.feedback_ms * interval '1 millisecond' as feedback_by,
  o.issued_at + l.receipt_ms * interval '1 millisecond' as receipt_by, v.receipt, v.feedback
from order_state o
cross join lateral (select s.version, s.text from sla s where s.shard = o.shard and s.effective_at <= o.issued_at order by s.version desc limit 1) p
cross join lateral sla_limits(p.text, o.institution, o.action, o.issued_at) l
cross join lateral sla_verdict(p.text, o.institution, o.action, o.issued_at, o.decided_at, o.decided_mono_ns, o.sent_at, o.received_at, o.received_mono_ns, o.ended_at, o.ended_mono_ns,
  o.overdue) v
where o.state not in ('draft', 'dropped', 'cancelled');

grant select, insert on sla to holdfast_engine;
grant select on sla to holdfast_officer, holdfast_auditor, holdfast_console;
grant select on order_sla to holdfast_officer, holdfast_auditor, holdfast_console;
alter table sla enable row level security;
alter table sla force row level security;
create policy centre on sla using (true) with check (true);
create policy own on sla as restrictive to holdfast_institution using (false);
create trigger sla_append_only before update or delete on sla for each row execute function refuse_change();
create trigger sla_no_truncate before truncate on sla for each statement execute function refuse_change();
