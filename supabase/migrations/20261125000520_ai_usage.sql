-- Usage of the language model: what each user takes of it in a day, so that no account can spend without end.
-- Rows that are there: nothing was used yet.

create table public.ai_usage (
  id         uuid        not null default gen_random_uuid(),
  user_id    uuid        not null,
  day        date        not null,
  tokens     integer     not null,
  is_settled boolean     not null default false,
  created_at timestamptz not null default now(),
  constraint ai_usage_pkey primary key (id),
  constraint ai_usage_user_id_fkey foreign key (user_id) references auth.users (id) on delete cascade,
  constraint ai_usage_tokens_range check (tokens >= 0)
);
comment on table public.ai_usage is
  'Tokens of the language model, a row for each turn. Clients neither read nor write it: whoever knows the id of a row can settle it.';
comment on column public.ai_usage.day is 'The day in UTC that it counts for.';
comment on column public.ai_usage.tokens is 'What may be used, and what was once that is known.';
comment on column public.ai_usage.is_settled is 'Whether tokens is what was used. What is never settled counts as it was reserved.';

create index ai_usage_user_id_day_idx on public.ai_usage (user_id, day);

revoke all on table public.ai_usage from public, anon, authenticated, service_role;
grant all on table public.ai_usage to service_role;
alter table public.ai_usage enable row level security;

create function public.reserve_tokens(amount integer, per_day bigint) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  today    constant date := (now() at time zone 'UTC')::date;
  reserved uuid;
begin
  -- One of a user's turns at a time: else many that begin at once would all find the same rest.
  perform pg_advisory_xact_lock(hashtextextended('ai_usage ' || auth.uid()::text, 0));
  if (select coalesce(sum(u.tokens), 0) from public.ai_usage u where u.user_id = auth.uid() and u.day = today) >= per_day then
    raise sqlstate 'PT429' using message = 'quota_exceeded';
  end if;
  delete from public.ai_usage u where u.user_id = auth.uid() and u.day < today - 90;
  insert into public.ai_usage (user_id, day, tokens) values (auth.uid(), today, amount) returning id into reserved;
  return reserved;
end $$;
comment on function public.reserve_tokens is
  'Sets tokens aside for a turn of the caller''s, unless this day''s are used up; so a day is overspent by one turn at most, however many begin at once. Answers what settle_tokens() takes. Raises PT429 quota_exceeded. Definer, because clients cannot write ai_usage.';

create function public.settle_tokens(reservation uuid, used integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.ai_usage u set tokens = used, is_settled = true
    where u.id = reservation and u.user_id = auth.uid() and not u.is_settled;
end $$;
comment on function public.settle_tokens is
  'Says what a turn has really used, once. Definer, because clients cannot write ai_usage: they never learn the id of a reservation that was made for them.';

revoke execute on function public.reserve_tokens(integer, bigint), public.settle_tokens(uuid, integer)
  from public, anon, authenticated, service_role;
grant execute on function public.reserve_tokens(integer, bigint), public.settle_tokens(uuid, integer)
  to authenticated, service_role;
