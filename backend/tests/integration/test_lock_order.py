"""Who waits for whom, step by step, on real PostgreSQL: transactions that would deadlock in any other order of locks.

The embedded stack has one connection, so that nobody waits there.
"""

import json
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from dev.postgres import PostgresStack
from dev.processes import Supervisor
from tests.integration.conftest import Backend
from tests.integration.transactions import Open, Transaction, open_transactions, queue

pytestmark = pytest.mark.parametrize("backend", ["postgres"], indirect=True)


@pytest.fixture
def owner_id(backend: Backend) -> str:
    return backend.new_user().id


@pytest.fixture
def place(backend: Backend, owner_id: str) -> str:
    """The id of a workspace of the owner."""
    place = str(uuid4())
    backend.stack.sql(f"insert into workspaces (id, owner_id, name) values ('{place}', '{owner_id}', 'Algebra')")  # noqa: S608
    return place


@pytest.fixture
def begin(backend: Backend, owner_id: str) -> Iterator[Open]:
    with open_transactions(backend.stack, owner_id) as begin:
        yield begin


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as supervisor:
        yield supervisor


def ordered(number: int) -> list[str]:
    """So many ids, in their order."""
    return sorted((str(uuid4()) for _ in range(number)), key=lambda id_: UUID(id_).int)


def make(stack: PostgresStack, place: str, table: str, ids: list[str], **columns: str) -> None:
    """Nodes, which are stored in the order of these ids."""
    names, values = ", ".join(columns), ", ".join(f"'{value}'" for value in columns.values())
    rows = ", ".join(f"('{id_}', '{place}', {values})" for id_ in ids)
    stack.sql(f"insert into {table} (id, workspace_id, {names}) values {rows}")  # noqa: S608


def begin_generating(stack: PostgresStack, ids: list[str]) -> None:
    """Labs that have lost who generates them, stored in the order of these ids."""
    for id_ in ids:
        stack.sql(f"""
            set local session_replication_role = replica;
            update labs set status = 'generating', lease_until = now() - interval '1 minute' where id = '{id_}'
        """)  # noqa: S608


def save(place: str, source: str) -> str:
    """Gives a source a file of one page."""
    return f"""select count(*) from save_file(
        '{source}', '{place}/{source}/a.pdf', 'a.pdf', 1, 'application/pdf', null, '{{"pages": ["Light bends."]}}'
    )"""  # noqa: S608


def test_a_workspace_is_deleted_while_a_file_is_saved(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """Saving has a key of the workspace before it locks it: the delete takes nothing that saving still asks for."""
    source = str(uuid4())
    make(backend.stack, place, "sources", [source], type="pdf", title="Optics")
    first, deleter, saver = (begin("authenticated") for _ in range(3))
    first.run(f"select private.lock_workspace('{place}')")
    queue(supervisor, (deleter, f"select delete_workspace('{place}')"), (saver, save(place, source)))
    first.run("commit")
    assert saver.receive() == "1\n"
    assert saver.run("commit") == ""
    assert deleter.receive() == "{}\n"
    assert deleter.run("commit") == ""
    assert backend.stack.sql(f"select count(*) from source_pages where workspace_id = '{place}'") == "0\n"  # noqa: S608


def test_linked_nodes_are_deleted_by_two_statements(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """As supabase-js deletes all sources and all labs: each takes its edges in the order of their ids."""
    sources, labs, edges = ordered(2), ordered(2), ordered(4)
    make(backend.stack, place, "sources", sources, type="pdf", title="Optics")
    make(backend.stack, place, "labs", labs, type="quiz_lab")
    ends = [(sources[1], labs[0]), (sources[0], labs[0]), (sources[0], labs[1]), (sources[1], labs[1])]
    for id_, (source, lab) in zip(edges, ends, strict=True):
        backend.stack.sql(f"""
            insert into edges (id, workspace_id, source_node_id, target_node_id)
            values ('{id_}', '{place}', '{source}', '{lab}')
        """)  # noqa: S608
    holder, first, second = begin("postgres"), begin("authenticated"), begin("authenticated")
    holder.run(f"select from edges where id = '{edges[2]}' for update")
    queue(
        supervisor,
        (first, f"delete from sources where workspace_id = '{place}'"),  # noqa: S608
        (second, f"delete from labs where workspace_id = '{place}'"),  # noqa: S608
    )
    holder.run("commit")
    for session in (first, second):
        assert session.receive() == ""
        assert session.run("commit") == ""
    left = f"select count(*) from edges where workspace_id = '{place}' and deleted_at is null"  # noqa: S608
    assert backend.stack.sql(left) == "0\n"


def delete_both(place: str, labs: list[str]) -> str:
    return f"select edit_canvas('{place}', '{json.dumps({'delete': {'nodes': labs}})}') #> '{{deleted,edges}}'"


def after_a_delete(
    place: str, labs: list[str], begin: Open, supervisor: Supervisor, user: Transaction, statement: str
) -> None:
    """Has a delete of both labs, and then the user's statement, wait for the first of them. Then the delete is done."""
    holder, editor = begin("postgres"), begin("authenticated")
    holder.run(f"select from labs where id = '{labs[0]}' for update")
    queue(supervisor, (editor, delete_both(place, labs)), (user, statement))
    holder.run("commit")
    assert editor.receive() == "[]\n"
    assert editor.run("commit") == ""


def test_lapsed_turns_are_ended_while_their_labs_are_deleted(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """They have gone to the trash by then, which keeps them as they were."""
    labs = ordered(2)
    make(backend.stack, place, "labs", labs[::-1], type="quiz_lab")
    begin_generating(backend.stack, labs[::-1])
    finder = begin("authenticated")
    after_a_delete(place, labs, begin, supervisor, finder, f"select end_lapsed_turns('{place}')")
    assert finder.receive() == "\n"
    assert finder.run("commit") == ""
    left = backend.stack.sql(f"select status, deleted_at is null from labs where workspace_id = '{place}'")  # noqa: S608
    assert left == "generating|f\n" * 2


def test_a_generation_begins_while_a_lapsed_one_is_deleted(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """It takes the one lab that it is for, and not first those that others have lost."""
    labs = ordered(2)
    make(backend.stack, place, "labs", labs, type="quiz_lab")
    begin_generating(backend.stack, labs[1:])
    learner = begin("authenticated")
    beginning = f"select begin_generation('{labs[0]}', gen_random_uuid())"
    after_a_delete(place, labs, begin, supervisor, learner, beginning)
    assert "lab_not_found" in learner.receive()


def begin_answers(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor, held: str, first: str, second: str
) -> list[str]:
    """What two are answered who begin answers in a workspace: the first before the lease of another answer ends, and
    waiting for rows that are held; the second after that."""
    backend.stack.sql(f"""
        insert into chat_messages (id, workspace_id, role, content, status) values
          (default, '{place}', 'user', 'Why?', default), ('{place}', '{place}', 'assistant', 'So', default),
          (default, '{place}', 'user', 'How?', default), (default, '{place}', 'assistant', '', 'streaming')
    """)  # noqa: S608
    holder, *others = begin("postgres"), begin("authenticated"), begin("authenticated")
    holder.run(f"select from {held} and workspace_id = '{place}' for update")
    queue(supervisor, (others[0], first))
    backend.stack.sql(f"""
        set local session_replication_role = replica;
        update chat_messages set lease_until = now() - interval '1 minute'
          where workspace_id = '{place}' and lease_until is not null
    """)  # noqa: S608
    queue(supervisor, (others[1], second))
    holder.run("commit")
    answers = []
    for session in others:
        answers.append(session.receive())
        if "ERROR" not in answers[-1]:
            assert session.run("commit") == ""
    return answers


def test_two_answer_again_when_the_lease_of_an_answer_ends(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """The first deletes what the second deletes too, and the second ends the answer that is in the way of the first."""
    again = f"select count(*) from begin_answer('{place}', 'main', gen_random_uuid(), replaced_id => '{place}')"  # noqa: S608
    first, second = begin_answers(
        backend, place, begin, supervisor, "chat_messages where content = 'How?'", again, again
    )
    assert "chat_messages_running_key" in first
    assert second == "2\n"


def test_two_ask_when_the_lease_of_an_answer_ends(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """They wait for one number after the other, also in two conversations, before they end what is in their way."""
    question = "jsonb_build_object('id', gen_random_uuid(), 'content', 'When?')"
    ask = f"select count(*) from begin_answer('{place}', '%s', gen_random_uuid(), {question})"  # noqa: S608
    counter = "private.chat_counters where true"
    answers = begin_answers(backend, place, begin, supervisor, counter, ask % "main", ask % "side")
    assert answers == ["2\n", "2\n"]


def test_a_source_is_copied_while_its_file_is_replaced(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """The new path waits for the copy, and leaves it the text."""
    source, copy = str(uuid4()), str(uuid4())
    make(backend.stack, place, "sources", [source], type="pdf", title="Optics")
    saver, copier, writer = (begin("authenticated") for _ in range(3))
    assert saver.run(save(place, source)) == "1\n"
    assert saver.run("commit") == ""
    copier.run(f"select edit_canvas('{place}', '{json.dumps({'copy': {'ids': {source: copy}}})}') is null")
    queue(supervisor, (writer, f"update sources set storage_path = '{place}/{source}/b.pdf' where id = '{source}'"))  # noqa: S608
    assert copier.run("commit") == ""
    assert writer.receive() == ""
    assert writer.run("commit") == ""
    text = f"""
        select s.status, s.page_count, count(p.text)
        from sources s left join source_pages p using (file_id) where s.id = '{copy}' group by s.id
    """  # noqa: S608
    assert backend.stack.sql(text) == "ready|1|1\n"


@pytest.mark.parametrize(
    ("call", "whose", "told"),
    [
        ("remove_member('{place}', '{member}')", "member", "member_not_found"),
        ("change_member('{place}', '{member}', 'viewer')", "member", "member_not_found"),
        ("change_member('{place}', '{member}', 'owner')", "member", "member_not_found"),
        ("change_member('{place}', '{member}', 'owner')", "owner", "workspace_not_found"),
    ],
)
def test_an_account_is_deleted_while_its_role_changes(
    backend: Backend, owner_id: str, place: str, begin: Open, supervisor: Supervisor, call: str, whose: str, told: str
) -> None:
    """Who changes roles waits for the account and has nothing yet: its deletion goes on to workspaces and roles."""
    member = backend.new_user().id
    backend.stack.sql(f"insert into workspace_members values ('{place}', '{member}', 'editor')")  # noqa: S608
    account = {"member": member, "owner": owner_id}[whose]
    deleter, owner = begin("postgres"), begin("authenticated")
    deleter.run(f"select from auth.users where id = '{account}' for update")  # what the deletion takes first
    queue(supervisor, (owner, f"select {call.format(place=place, member=member)}"))
    assert deleter.run(f"delete from auth.users where id = '{account}'") == ""  # noqa: S608
    assert deleter.run("commit") == ""
    assert told in owner.receive()


def test_who_accepts_an_invitation_takes_the_own_account_first(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """As a deletion of it does. Whoever waits for it holds no workspace."""
    guest = backend.new_user().id
    owner, deleter, accepter = begin("authenticated"), begin("postgres"), begin("authenticated", guest)
    token = owner.run(f"select create_invitation('{place}', 'viewer') ->> 'token'").strip()
    assert owner.run("commit") == ""
    deleter.run(f"select from auth.users where id = '{guest}' for update")
    queue(supervisor, (accepter, f"select accept_invitation('{token}')"))
    assert deleter.run(f"select name from workspaces where id = '{place}' for update nowait") == "Algebra\n"  # noqa: S608
    assert deleter.run("rollback") == ""
    assert accepter.receive() == f"({place},viewer)\n"


def test_the_id_of_a_workspace_is_asked_for_while_it_is_deleted(
    backend: Backend, place: str, begin: Open, supervisor: Supervisor
) -> None:
    """The insert waits for the delete, and is refused once that is committed."""
    deleter, maker = begin("authenticated"), begin("authenticated")
    assert deleter.run(f"select delete_workspace('{place}')") == "{}\n"
    queue(supervisor, (maker, f"insert into workspaces (id, name) values ('{place}', 'Again')"))  # noqa: S608
    assert deleter.run("commit") == ""
    assert 'unique constraint "workspaces_pkey"' in maker.receive()


def begun_copy(stack: PostgresStack, place: str, owner: str, place_of_copy: str, age: str = "0") -> str:
    """A copy that the owner has begun so long ago."""
    id_ = str(uuid4())
    stack.sql(f"""
        insert into private.workspace_copies (id, new_workspace_id, workspace_id, user_id, ids, paths, created_at)
        values ('{id_}', '{place_of_copy}', '{place}', '{owner}', '{{}}', '{{}}', now() - interval '{age}')
    """)  # noqa: S608
    return id_


@pytest.fixture
def other_place(backend: Backend, place: str, owner_id: str) -> str:
    """The id of another workspace; of both there is a copy that was begun long ago."""
    other = str(uuid4())
    backend.stack.sql(f"insert into workspaces (id, owner_id, name) values ('{other}', '{owner_id}', 'Analysis')")  # noqa: S608
    for original in (place, other):
        begun_copy(backend.stack, original, owner_id, str(uuid4()), "2 hours")
    return other


@pytest.mark.usefixtures("other_place")
def test_a_copy_begins_while_its_original_is_deleted(
    place: str, owner_id: str, begin: Open, supervisor: Supervisor
) -> None:
    """Copies begun long ago, of whatever workspace, go only when the copy waits for nobody any more."""
    deleter, copier = begin("postgres"), begin("authenticated")
    deleter.run(f"select from workspaces where owner_id = '{owner_id}' for update")
    queue(supervisor, (copier, f"select begin_copy('{place}')"))
    assert deleter.run(f"delete from workspaces where owner_id = '{owner_id}'") == ""  # noqa: S608
    assert deleter.run("commit") == ""
    assert "workspace_not_found" in copier.receive()


def test_a_copy_begins_while_another_workspace_is_deleted(place: str, other_place: str, begin: Open) -> None:
    deleter, copier = begin("authenticated"), begin("authenticated")
    assert deleter.run(f"select delete_workspace('{other_place}')") == "{}\n"
    assert "paths" in copier.run(f"select begin_copy('{place}')"), "it waits for nobody"


ACCOUNT = {
    "a copy is begun": (
        "select from workspaces where id = '{place}' for update",
        "select begin_copy('{place}') is null",
    ),
    "a copy is finished": (
        "insert into workspaces (id, owner_id, name) values ('{new_place}', '{owner_id}', 'Taken')",
        "select count(*) is null from finish_copy('{begun}')",
    ),
    "tokens are set aside": (
        "select from ai_usage where user_id = '{owner_id}' and tokens = 2 for update",
        "select reserve_tokens(1, 10) is null",
    ),
}
"""What an owner does, which is held up by the first statement in its middle."""


@pytest.mark.parametrize(("held", "statement"), ACCOUNT.values(), ids=list(ACCOUNT))
def test_an_account_is_deleted_while(
    backend: Backend, place: str, owner_id: str, begin: Open, supervisor: Supervisor, held: str, statement: str
) -> None:
    """Both begin with the account, whatever rows of it they take then."""
    new_place = str(uuid4())
    begun = begun_copy(backend.stack, place, owner_id, new_place)
    begun_copy(backend.stack, place, owner_id, str(uuid4()), "2 hours")
    backend.stack.sql(f"""
        insert into ai_usage (user_id, day, tokens)
        select '{owner_id}', current_date - 100, tokens from generate_series(1, 2) tokens
    """)  # noqa: S608
    names = {"place": place, "new_place": new_place, "begun": begun, "owner_id": owner_id}
    holder, user, deleter = begin("postgres"), begin("authenticated"), begin("postgres")
    holder.run(held.format_map(names))
    deletion = f"delete from auth.users where id = '{owner_id}'"  # noqa: S608
    queue(supervisor, (user, statement.format_map(names)), (deleter, deletion))
    holder.run("rollback")
    assert user.receive() == "f\n"
    assert user.run("commit") == ""
    assert deleter.receive() == ""
    assert deleter.run("commit") == ""
