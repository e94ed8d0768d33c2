-- Lab content: what generated_content holds for the lab types that we know. Other words are free, with free content.
-- Rows that are there: labs of a known type whose content has another shape keep it byte for byte, and get a type that
-- is free: `free_` before their own. Their versions count it.

create function private.is_code(value jsonb) returns boolean
language sql immutable parallel safe
return jsonb_typeof(value) = 'string' and octet_length(value #>> '{}') <= 65536;
comment on function private.is_code is 'Whether a value is a text of at most 64 KiB in UTF-8. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.is_prose(value jsonb) returns boolean
language sql immutable parallel safe
return jsonb_typeof(value) = 'string' and char_length(value #>> '{}') <= 5000 and private.has_text(value #>> '{}');
comment on function private.is_prose is 'Whether a value is a text of at most 5,000 characters that is not blank. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.is_page(value jsonb) returns boolean
language sql immutable parallel safe
return value is null or (
  jsonb_typeof(value) = 'number' and value between '1' and '1000000' and value @? 'strict $ ? (@ == @.floor())'
);
comment on function private.is_page is 'Whether a value is the number of a page, or left out. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.is_card(value jsonb) returns boolean
language sql immutable parallel safe
return jsonb_typeof(value) = 'object' and value - '{front,back,page}'::text[] = '{}'
   and private.is_prose(value -> 'front') and private.is_prose(value -> 'back') and private.is_page(value -> 'page');
comment on function private.is_card is 'Whether a value is exactly {front, back, page?}. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.is_question(value jsonb) returns boolean
language sql immutable parallel safe
return case when jsonb_typeof(value) = 'object' and jsonb_typeof(value -> 'choices') = 'array' then
  value - '{question,choices,answer,explanation,page}'::text[] = '{}'
  and private.is_prose(value -> 'question') and private.is_prose(value -> 'explanation') and private.is_page(value -> 'page')
  and jsonb_array_length(value -> 'choices') between 2 and 6
  and (
    select bool_and(coalesce(private.is_prose(choice), false)) and count(distinct choice) = count(*)
    from jsonb_array_elements(value -> 'choices') choice
  )
  and jsonb_typeof(value -> 'answer') = 'number'
  and value @? 'strict $ ? (@.answer >= 0 && @.answer < @.choices.size() && @.answer == @.answer.floor())'
else false end;
comment on function private.is_question is
  'Whether a value is exactly {question, choices, answer, explanation, page?}: 2 to 6 different choices, the answer the index of one. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.has_items(content jsonb, key text, most integer) returns boolean
language sql immutable parallel safe
return content - key = '{}' and case jsonb_typeof(content -> key)
  when 'array' then jsonb_array_length(content -> key) between 1 and most else false
end;
comment on function private.has_items is 'Whether a value is exactly {key: [...]}, with 1 to so many items. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.is_lab_content(type text, content jsonb) returns boolean
language sql immutable parallel safe
return case
  when content is null or type not in ('code_lab', 'flashcard_lab', 'quiz_lab') then true
  when jsonb_typeof(content) <> 'object' then false
  when type = 'code_lab' then coalesce(
    content - '{instructions,starter_code,tests,language}'::text[] = '{}'
    and private.is_code(content -> 'instructions') and private.is_code(content -> 'starter_code')
    and private.is_code(content -> 'tests') and content -> 'language' = '"python"',
    false
  )
  when type = 'flashcard_lab' then private.has_items(content, 'cards', 200) and (
    select bool_and(coalesce(private.is_card(card), false)) from jsonb_array_elements(content -> 'cards') card
  )
  else private.has_items(content, 'questions', 100) and (
    select bool_and(coalesce(private.is_question(question), false))
    from jsonb_array_elements(content -> 'questions') question
  )
end;
comment on function private.is_lab_content is 'Whether content has the shape that the lab''s type asks for. No search path applies: the body was bound when it was made. To set one would keep it from being inlined.';

create function private.check_lab_content() returns trigger
language plpgsql set search_path = '' as $$
begin
  if not private.is_lab_content(new.type, new.generated_content) then
    raise check_violation using
      message = 'new row for relation "labs" violates check constraint "labs_generated_content_shape"',
      schema = 'public', table = 'labs', constraint = 'labs_generated_content_shape';
  end if;
  return new;
end $$;
comment on function private.check_lab_content is
  'The check of labs_generated_content_shape again, for content that stays while the type changes: the constraint trusts what is compressed.';

revoke execute on function
  private.is_code(jsonb), private.is_prose(jsonb), private.is_page(jsonb), private.is_card(jsonb),
  private.is_question(jsonb), private.has_items(jsonb, text, integer), private.is_lab_content(text, jsonb),
  private.check_lab_content()
  from public, anon, authenticated, service_role;
grant execute on function
  private.is_code(jsonb), private.is_prose(jsonb), private.is_page(jsonb), private.is_card(jsonb),
  private.is_question(jsonb), private.has_items(jsonb, text, integer), private.is_lab_content(text, jsonb)
  to authenticated, service_role;

update public.labs set type = 'free_' || type where not private.is_lab_content(type, generated_content);

-- As in is_document: what is compressed was measured when it arrived. Else every drag would read all that a lab holds.
alter table public.labs add constraint labs_generated_content_shape check (
  pg_column_compression(generated_content) is not null or private.is_lab_content(type, generated_content)
);
create trigger labs_content before update of type on public.labs
  for each row when (old.type <> new.type) execute function private.check_lab_content();
