-- Sizes: how wide and high a node is drawn. Layout, as its position is.
-- Rows that are there: no node has a size. Versions stay.

alter table public.sources
  add column width  double precision,
  add column height double precision,
  add constraint sources_width_range check (width > 0 and width <= 10000000),
  add constraint sources_height_range check (height > 0 and height <= 10000000);
comment on column public.sources.width is 'How wide the node is drawn; null when the front end decides. Layout: the last write wins, version and updated_at stay.';
comment on column public.sources.height is 'How high the node is drawn; null when the front end decides. Layout: the last write wins, version and updated_at stay.';

alter table public.labs
  add column width  double precision,
  add column height double precision,
  add constraint labs_width_range check (width > 0 and width <= 10000000),
  add constraint labs_height_range check (height > 0 and height <= 10000000);
comment on column public.labs.width is 'How wide the node is drawn; null when the front end decides. Layout: the last write wins, version and updated_at stay.';
comment on column public.labs.height is 'How high the node is drawn; null when the front end decides. Layout: the last write wins, version and updated_at stay.';

grant insert (width, height), update (width, height) on table public.sources, public.labs to authenticated;
