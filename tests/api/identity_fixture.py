"""People, projects and requests for the tests of identity: made for one test and removed after it."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import urllib3

JSON = dict[str, Any]

_pool = urllib3.PoolManager(retries=False, timeout=30)


@dataclass(frozen=True)
class Answer:
    status_code: int
    headers: urllib3.HTTPHeaderDict
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Api:
    """Identity's API as one bearer; every answer is looked at for what must be in all of them."""

    root: str
    token: str | None = None

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        sent = {"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()}
        if self.token is not None:
            sent.setdefault("X-Auth-Token", self.token)
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        received = _pool.request(method, f"{self.root}/v3{path}", body=data, headers=sent)
        answer = Answer(received.status, received.headers, received.data)
        assert answer.headers["x-openstack-request-id"].startswith("req-")
        assert answer.headers["vary"] == "X-Auth-Token"
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400 and method != "HEAD":
            error = answer.json()["error"]
            assert error["code"] == answer.status_code
            assert error["message"]
            assert error["title"]
        if answer.status_code == 401:
            assert answer.headers["www-authenticate"] == f'Keystone uri="{self.root}/v3"'
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def ok(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.call(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def login(self, auth: JSON) -> Answer:
        return self.call("POST", "/auth/tokens", {"auth": auth})

    def as_(self, token: str) -> Api:
        return Api(self.root, token)


def by_password(user_id: str, password: str, **scope: Any) -> JSON:
    auth: JSON = {"identity": {"methods": ["password"], "password": {"user": {"id": user_id, "password": password}}}}
    return auth | ({"scope": scope} if scope else {})


def by_token(token: str, **scope: Any) -> JSON:
    return {"identity": {"methods": ["token"], "token": {"id": token}}} | ({"scope": scope} if scope else {})


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Person:
    """A user with the role `member` on a project of their own."""

    user_id: str
    name: str
    password: str
    project_id: str

    def login(self, api: Api, password: str | None = None) -> Answer:
        auth = by_password(self.user_id, password or self.password, project={"id": self.project_id})
        return Api(api.root).login(auth)

    def token(self, api: Api) -> str:
        answer = self.login(api)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["x-subject-token"])


def role_id(api: Api, name: str) -> str:
    (role,) = api.ok("GET", f"/roles?name={name}")["roles"]
    return str(role["id"])


@contextlib.contextmanager
def person(api: Api) -> Iterator[Person]:
    name, password = unique("person"), unique("password")
    project = api.ok("POST", "/projects", {"project": {"name": name}}, 201)["project"]
    user = api.ok("POST", "/users", {"user": {"name": name, "password": password}}, 201)["user"]
    api.ok("PUT", f"/projects/{project['id']}/users/{user['id']}/roles/{role_id(api, 'member')}", status=204)
    try:
        yield Person(user["id"], name, password, project["id"])
    finally:
        api.call("DELETE", f"/users/{user['id']}")
        api.call("DELETE", f"/projects/{project['id']}")
