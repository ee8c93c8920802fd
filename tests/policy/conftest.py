"""The stack and the users of tests/api, and one life that all tests look at."""

import importlib.util
import pathlib
import sys

import pytest

API = pathlib.Path(__file__).resolve().parent.parent / "api"
sys.path.insert(0, str(API))
spec = importlib.util.spec_from_file_location("conftest_of_api", API / "conftest.py")
of_api = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = of_api
spec.loader.exec_module(of_api)
globals().update({name: value for name, value in vars(of_api).items() if not name.startswith("__")})

import life as lives  # noqa: E402


@pytest.fixture(scope="session")
def life(stack):
    return lives.Life(stack)
