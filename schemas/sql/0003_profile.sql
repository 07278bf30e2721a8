-- What an institution is called in other institutions' lists, and how it spells what its dialect leaves open.
alter table institution add column bank_code text not null default '', add column profile text not null default '';
