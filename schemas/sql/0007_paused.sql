-- An institution that an administrator has paused: orders wait in its lane until then.
alter table institution add column paused_until timestamptz;
comment on column institution.paused_until is 'no order leaves before; null: it is not paused';
