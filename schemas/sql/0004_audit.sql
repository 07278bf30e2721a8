-- The audit tree (engine/audit/README.md): a leaf per fact, in the fact's own row and transaction.

alter table fact add column salt bytea, add column leaf bytea;
comment on column fact.salt is '16 random bytes: sha256(salt || body) stands in the leaf in place of the body';
comment on column fact.leaf is 'RFC 6962 leaf hash; its index in the shard''s tree is seq - 1';

alter table shard add column tree bytea not null default '';
comment on column shard.tree is 'size, last leaf and the roots of whole subtrees: what the next leaf is added to';

create table audit_node (
  shard int not null,
  level int not null,                            -- the root of 2^level leaves; 8, 16, …: the others are made of them
  index bigint not null,
  hash  bytea not null,
  primary key (shard, level, index)
);

create table checkpoint (
  shard   int not null,
  size    bigint not null,
  note    text not null,                         -- C2SP signed note, the centre's own lines
  made_at timestamptz not null default clock_timestamp(),
  primary key (shard, size)
);

create table cosignature (
  shard    int not null,
  size     bigint not null,
  witness  text not null,
  line     text not null,                        -- as the witness gave it
  given_at timestamptz not null default clock_timestamp(),
  primary key (shard, size, witness)
);

-- Facts that are there already get their leaves here, in order: the same bytes as engine/audit/tree.c makes.
alter table fact disable trigger fact_append_only;
do $$
declare
  s record; f record;
  hash bytea; previous bytea; last bytea; salt_ bytea; peaks bytea[]; size bigint; level int;
begin
  for s in select shard from shard order by shard loop
    size := 0; peaks := array[]::bytea[]; last := '';
    previous := decode(repeat('00', 32), 'hex');
    for f in select * from fact where shard = s.shard order by seq loop
      if f.seq <> size + 1 then
        raise exception 'fact: shard % has no seq %: the record has a gap and cannot be put into a tree', s.shard, size + 1;
      end if;
      salt_ := decode(replace(gen_random_uuid()::text, '-', ''), 'hex');
      hash := sha256('\x0048464c31'::bytea || int4send(f.shard) || int8send(f.seq)
        || int8send((extract(epoch from f.decided_at) * 1000000)::bigint)
        || substring(int4send(octet_length(f.kind)) from 4) || convert_to(f.kind, 'UTF8')
        || coalesce(uuid_send(f.case_id), decode(repeat('00', 16), 'hex')) || coalesce(uuid_send(f.order_id), decode(repeat('00', 16), 'hex'))
        || substring(int4send(octet_length(f.boot_id)) from 4) || convert_to(f.boot_id, 'UTF8')
        || previous || sha256(salt_ || f.body));
      update fact set salt = salt_, leaf = hash where shard = f.shard and seq = f.seq;
      previous := hash;
      level := 0;
      while (size >> level) & 1 = 1 loop
        hash := sha256('\x01'::bytea || peaks[level + 1] || hash);
        level := level + 1;
        if level % 8 = 0 then insert into audit_node values (f.shard, level, size >> level, hash); end if;
      end loop;
      peaks[level + 1] := hash;
      size := size + 1;
    end loop;
    last := '';
    for level in 0 .. 62 loop
      if (size >> level) & 1 = 1 then last := last || peaks[level + 1]; end if;
    end loop;
    if size > 0 then update shard set tree = int8send(size) || previous || last where shard = s.shard; end if;
  end loop;
end $$;
alter table fact enable trigger fact_append_only;

alter table fact alter column salt set not null, alter column leaf set not null;
