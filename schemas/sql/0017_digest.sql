-- What a shard's leaves and nodes are hashed with: chosen while it is empty (engine/audit/README.md).
alter table shard add column digest text not null default 'sha256' check (digest in ('sha256', 'sm3'));
