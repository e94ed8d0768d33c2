-- Tokens set aside: the account first, then rows of it, so that this and the deletion of an account do not deadlock.
-- Rows that are there: nothing changes.

create or replace function public.reserve_tokens(amount integer, per_day bigint) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  today    constant date := (now() at time zone 'UTC')::date;
  reserved uuid;
begin
  perform from auth.users u where u.id = auth.uid() for key share;
  -- One of a user's turns at a time: else many that begin at once would all find the same rest.
  perform pg_advisory_xact_lock(hashtextextended('ai_usage ' || auth.uid()::text, 0));
  if (select coalesce(sum(u.tokens), 0) from public.ai_usage u where u.user_id = auth.uid() and u.day = today) >= per_day then
    raise sqlstate 'PT429' using message = 'quota_exceeded';
  end if;
  delete from public.ai_usage u where u.user_id = auth.uid() and u.day < today - 90;
  insert into public.ai_usage (user_id, day, tokens) values (auth.uid(), today, amount) returning id into reserved;
  return reserved;
end $$;
