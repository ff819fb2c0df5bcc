"""`.env` files after a fix, and when they make a change of the code needless."""

from tests.migrate.scan.fix.changing import URL, proposal

CODE = "from openai import OpenAI\nclient = OpenAI()\n"
READS = "from dotenv import load_dotenv\nload_dotenv()\n"
KEY = "# keys\nOPENAI_API_KEY=sk-x\nOTHER=1\n"


def _after(**files: str) -> dict[str, str]:
    return {each.path: each.after for each in proposal(**files).files}


def test_an_application_that_reads_its_environment_from_a_file_gets_one_line_there() -> None:
    """The SDK reads `OPENAI_BASE_URL` by itself: no line of code has to change."""
    assert _after(app__py=READS + CODE, __env=KEY) == {".env": KEY.replace("sk-x\n", f"sk-x\nOPENAI_BASE_URL={URL}\n")}


def test_without_anything_that_reads_it_the_file_changes_nothing() -> None:
    """A line in a file that nobody reads looks done and is not."""
    assert _after(app__py=CODE, __env=KEY) == {"app.py": CODE.replace("OpenAI()", f'OpenAI(base_url="{URL}")')}


def test_an_address_that_is_there_is_changed_in_place() -> None:
    """Of two lines only one counts."""
    text = 'OPENAI_API_KEY=sk-x\nexport OPENAI_BASE_URL="https://api.openai.com/v1"  # OpenAI\n'

    assert _after(app__py=READS + CODE, __env=text) == {".env": text.replace("https://api.openai.com/v1", URL)}


def test_a_variable_of_ones_own_carries_the_address() -> None:
    """The application already reads it, so that is where the change belongs."""
    code = "import os\nfrom openai import OpenAI\nc = OpenAI(base_url=os.environ['LLM_URL'])\n"

    assert _after(app__py=code, __env="LLM_URL=https://api.openai.com/v1\n") == {".env": f"LLM_URL={URL}\n"}


def test_the_example_for_others_is_kept_complete() -> None:
    """Who starts anew copies `.env.example`."""
    after = _after(app__py="import os\n" + CODE, __env__example="OPENAI_API_KEY=\n")

    assert after[".env.example"] == f"OPENAI_API_KEY=\nOPENAI_BASE_URL={URL}\n"


def test_another_provider_stays_and_is_named() -> None:
    """Its traffic is not OpenAI's."""
    found = proposal(app__py=READS, __env="OPENAI_API_KEY=sk-x\nOPENAI_BASE_URL=https://openrouter.ai/api/v1\n")

    assert found.files == ()
    assert [(each.file, each.line, each.what) for each in found.left] == [(".env", 2, "OPENAI_BASE_URL")]


def test_line_ends_and_a_second_run() -> None:
    """It runs again, and on Windows."""
    text = KEY.replace("\n", "\r\n")
    once = _after(app__py=READS + CODE, __env=text)[".env"]

    assert once == text.replace("sk-x\r\n", f"sk-x\r\nOPENAI_BASE_URL={URL}\r\n")
    assert _after(app__py=READS + CODE, __env=once) == {}


def test_a_file_in_another_folder_is_not_read() -> None:
    """Of two services in one repository each has its own."""
    after = _after(a_of_app__py=READS + CODE, a_of___env=KEY, b_of_app__py=CODE)

    assert sorted(after) == ["a/.env", "b/app.py"]


def test_nothing_is_added_where_no_client_would_read_it() -> None:
    """A variable that nobody reads misleads the next reader."""
    assert _after(app__py=READS, __env=KEY) == {}


def test_variables_of_other_providers_are_never_added() -> None:
    """A client for another provider has an address of its own."""
    code = "import os\nfrom openai import OpenAI\nc = OpenAI(base_url=os.environ['NEBIUS_BASE_URL'])\n"
    found = proposal(app__py=code, __env=KEY)

    assert found.files == ()
    assert [(each.line, each.what) for each in found.left] == [(3, "base_url")]
