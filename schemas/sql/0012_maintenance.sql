-- A pause that was announced: orders leave until it begins.
alter table institution add column paused_from timestamptz;
comment on column institution.paused_from is 'the pause begins then; null: at once';
