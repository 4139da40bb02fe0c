"""The files of deploy/ against the built server: what they watch is exported, and what they send to one server is what one server must have."""

import json
import re

from conftest import ROOT

DEPLOY = ROOT / "deploy"


def expressions():
    """All that is asked of Prometheus, by the place where it is asked."""
    rules = (DEPLOY / "prometheus/castor.rules.yml").read_text()
    yield "rules", re.sub(r"#.*", "", rules)
    for panel in json.loads((DEPLOY / "grafana/castor.json").read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_metrics_are_there(server):
    # Series of requests appear with the first one.
    server.json("POST", "/v1beta/models/gemini-embedding-2:embedContent", {"content": {"parts": [{"text": "a"}]}})
    text = server.request("GET", "/metrics")[2].decode()
    series = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        series.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    recorded = set(re.findall(r"record: (\S+)", (DEPLOY / "prometheus/castor.rules.yml").read_text()))
    routes = re.findall(r'route="([^"]*)"', text)
    seen = 0
    for place, expression in expressions():
        for name, labels in re.findall(r"\b((?:castor|process)_\w+)(?:\{([^}]*)\})?", expression):
            assert name in series, f"{place}: {name} is not exported"
            # Prometheus itself adds which server it was.
            unknown = set(re.findall(r"(\w+)=", labels)) - series[name] - {"instance", "job"}
            assert not unknown, f"{place}: {name} has no {unknown}"
            seen += 1
        assert set(re.findall(r"castor:\w+:\w+", expression)) <= recorded, place
        for pattern in re.findall(r'route=~"([^"]*)"', expression):
            assert any(re.fullmatch(pattern, route) for route in routes), f"{place}: no route is like {pattern}"
    assert seen > 20


def test_routes_of_the_keeper(server):
    """Files and batch jobs, all of them and nothing else, go to the one server that has them."""
    paths = server.json("GET", "/openapi.json")["paths"]
    kept = {path for path in paths if re.search(r"/(files|batches)\b|asyncBatch", path)}
    assert len(kept) > 20 and len(paths) - len(kept) > 20
    nginx = (DEPLOY / "nginx/castor.conf").read_text()
    locations = re.findall(r"location (~ |= )?(\S+) \{\s+proxy_pass http://castor_keeper", nginx)
    haproxy = (DEPLOY / "haproxy/haproxy.cfg").read_text()
    tests = re.findall(r"acl is_kept path_(reg|beg|end) (.+)", haproxy)

    def by_nginx(path):
        return any(re.search(pattern, path) if kind == "~ " else path.startswith(pattern) for kind, pattern in locations if pattern != "@keeper")

    def by_haproxy(path):
        matches = {
            "reg": lambda value: re.search(value, path), "beg": lambda value: path.startswith(tuple(value.split())),
            "end": lambda value: path.endswith(value)}
        return any(matches[kind](value) for kind, value in tests)

    for path in paths:
        # Names in place of what stands for them.
        concrete = re.sub(r"\{\w+\}", "x", path)
        assert bool(by_nginx(concrete)) == (path in kept), f"nginx: {path}"
        assert bool(by_haproxy(concrete)) == (path in kept), f"HAProxy: {path}"
