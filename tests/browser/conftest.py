"""The stack and the users of tests/api, and a browser: each test of a *.test.mjs here is one of pytest's."""

import importlib.util
import pathlib
import re
import sys
import types

import pytest

HERE = pathlib.Path(__file__).resolve().parent
API = HERE.parent / "api"
sys.path.insert(0, str(API))
spec = importlib.util.spec_from_file_location("conftest_of_api", API / "conftest.py")
of_api = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = of_api
spec.loader.exec_module(of_api)
globals().update({name: value for name, value in vars(of_api).items() if not name.startswith("__")})

import driver  # noqa: E402

TEST = re.compile(r'^test\("([^"\[\]:]+)", ', re.MULTILINE)  # names() of the runner must not need Node, which may not be there yet


class Script(pytest.Module):
    """A *.test.mjs as a module whose functions have its tests run."""

    def _getobj(self):
        module = types.ModuleType(self.path.stem)
        for name in TEST.findall(self.path.read_text()):
            setattr(module, name, asking(self.path.name, name))
        return module

    def funcnamefilter(self, name):
        return not name.startswith("__")


def asking(file, name):
    def test(browser):
        browser.run(file, name)
    return test


def pytest_collect_file(file_path, parent):
    return Script.from_parent(parent, path=file_path) if file_path.name.endswith(".test.mjs") else None


@pytest.fixture(scope="session")
def browser(stack):
    with driver.Browser(stack) as made:
        yield made
