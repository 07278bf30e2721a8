-- What an institution is called in other institutions' lists, how it spells what its dialect leaves open, and what its dialect can say at all.
alter table institution add column bank_code text not null default '', add column profile text not null default '',
  add column actions int not null default 0; -- bit 1 << action; 0: everything
