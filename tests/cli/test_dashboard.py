"""The dashboard's API: a run followed and steered while it trains, and replayed. The page itself is tested in a browser (tests/web)."""
import http.client
import json
import re
import socket
import time

from support import Case

RUN = ("--hidden", "8,8", "--policy", "effect", "--quiet", "--dashboard")


class Client:
    def __init__(self, url):
        self.host, self.port = re.match(r"http://([^:/]+):(\d+)/$", url).groups()

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=20)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
            body = body if isinstance(body, str) else json.dumps(body)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def control(self, **request):
        status, text = self.ask("POST", "/api/runs/0/control", request)
        return status, json.loads(text)

    def events(self, start=0, stop=lambda event: False):
        """Lines of the stream from `start` on, until it is done or `stop` says so. Returns (events, done)."""
        connection = http.client.HTTPConnection(self.host, int(self.port), timeout=60)
        connection.request("GET", f"/api/runs/0/events?from={start}")
        answer = connection.getresponse()
        events, done = [], False
        while (line := answer.readline()):
            text = line.decode().rstrip("\n")
            if text == "event: done":
                done = True
                break
            if text.startswith("data: "):
                events.append(json.loads(text[6:]))
                if stop(events[-1]):
                    break
        connection.close()
        return events, done


class Dashboard(Case):
    def started(self, *words, log=None):
        """A process and a client of the address that it prints."""
        process = self.start(*words)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        source = process.stdout if words[0] == "dashboard" else process.stderr
        for line in source:
            found = re.search(r"http://\S+/", line.decode())
            if found:
                return process, Client(found.group(0))
        self.fail("it printed no address")

    def test_follows_and_replays(self):
        process, client = self.started("train", "--data", self.data, "--epochs", 30, "--events", "run.jsonl", *RUN,
                                       "--dashboard-stay")
        runs = json.loads(client.ask("GET", "/api/runs")[1])["runs"]
        self.assertEqual([(run["id"], run["control"]) for run in runs if run["live"]], [(0, True)] if runs[0]["live"] else [])
        # In two connections, the second from where the first broke off.
        first, _ = client.events(stop=lambda event: event["epoch"] == 3)
        rest, done = client.events(first[-1]["seq"] + 1)
        self.assertTrue(done)
        live = first + rest
        self.assertEqual([event["seq"] for event in live], list(range(len(live))))
        self.assertEqual(live[-1]["type"], "end")
        log = [json.loads(line) for line in (self.folder / "run.jsonl").read_text().splitlines()]
        self.assertEqual(live, log)
        whole = [json.loads(line) for line in client.ask("GET", "/api/runs/0/events.jsonl")[1].splitlines()]
        self.assertEqual(whole, log)
        self.assertFalse(json.loads(client.ask("GET", "/api/runs")[1])["runs"][0]["live"])
        status, said = client.control(action="pause")
        self.assertEqual(status, 409)
        self.assertIn("ended", said["error"])
        process.terminate()
        process.communicate()

        replay, other = self.started("dashboard", "run.jsonl", "--compare", "run.jsonl")
        self.assertEqual(other.events(), (log, True))
        names = [run["name"] for run in json.loads(other.ask("GET", "/api/runs")[1])["runs"]]
        self.assertEqual(names, ["run", "run 2"])
        self.assertEqual(other.control(action="pause")[0], 409)
        replay.terminate()
        self.assertEqual(replay.wait(10), 0)

    def test_steers(self):
        process, client = self.started("train", "--data", self.data, "--epochs", 100_000, "--events", "run.jsonl",
                                       "--checkpoint", "run.ckpt", *RUN)
        self.assertEqual(client.control(action="pause"), (202, {"accepted": True, "note": client_note(client, "pause")}))
        status, said = client.control(action="pause")
        self.assertEqual((status, said["error"]), (409, "the run is paused already"))
        lines = len(client.ask("GET", "/api/runs/0/events.jsonl")[1].splitlines())
        time.sleep(0.5)
        self.assertEqual(len(client.ask("GET", "/api/runs/0/events.jsonl")[1].splitlines()), lines, "nothing moves")
        self.assertEqual(client.control(action="checkpoint")[0], 202)
        self.assertTrue((self.folder / "run.ckpt").exists())
        self.assertEqual(client.control(action="set", parameter_budget=4000)[0], 202)
        self.assertEqual(client.control(action="set", tolerance=0.1)[0], 409, "the policy is another")
        self.assertEqual(client.control(action="resume")[0], 202)
        self.assertEqual(client.control(action="adapt")[0], 202)
        for bad, word in (({"action": "dance"}, "dance"), ({"action": "set", "tolerance": "much"}, "number"),
                          ({"action": "pause", "now": True}, "now"), ({"action": "task"}, "name"), ([], "object")):
            status, text = client.ask("POST", "/api/runs/0/control", bad)
            self.assertEqual(status, 400, text)
            self.assertIn(word, json.loads(text)["error"])
        self.assertEqual(client.ask("POST", "/api/runs/0/control", "{", )[0], 400)
        self.assertEqual(client.ask("POST", "/api/runs/7/control", {"action": "pause"})[0], 404)
        self.assertEqual(client.ask("GET", "/api/runs/0/events?from=-1")[0], 400)
        self.assertEqual(client.control(action="stop")[0], 202)
        self.assertEqual(process.wait(30), 130)
        events = [json.loads(line) for line in (self.folder / "run.jsonl").read_text().splitlines()]
        self.assertEqual([e["action"] for e in events if e["type"] == "control"],
                         ["pause", "checkpoint", "set", "resume", "adapt", "stop"])
        self.assertEqual(events[-1]["reason"], "stopped")

    def test_a_foreign_page_may_not_steer(self):
        process, client = self.started("train", "--data", self.data, "--epochs", 100_000, *RUN)
        for headers in ({"Origin": "http://evil.example"}, {"Content-Type": "text/plain"}, {"Host": "evil.example"}):
            status, _ = client.ask("POST", "/api/runs/0/control", {"action": "stop"}, **headers)
            self.assertIn(status, (403, 415), headers)
        self.assertIsNone(process.poll())

    def test_tokens(self):
        (self.folder / "token").write_text("watch-it\n")
        (self.folder / "control").write_text("steer-it\n")
        process, client = self.started("train", "--data", self.data, "--epochs", 100_000, *RUN, "--dashboard-token-file",
                                       "token", "--dashboard-control-token-file", "control")
        self.assertEqual(client.ask("GET", "/api/runs")[0], 401)
        watch, steer = {"Authorization": "Bearer watch-it"}, {"Authorization": "Bearer steer-it"}
        self.assertEqual(client.ask("GET", "/api/runs", **watch)[0], 200)
        self.assertEqual(client.ask("POST", "/api/runs/0/control", {"action": "pause"}, **watch)[0], 403)
        self.assertEqual(client.ask("POST", "/api/runs/0/control", {"action": "stop"}, **steer)[0], 202)
        self.assertEqual(process.wait(30), 130)

    def test_wrong_words(self):
        self.refuses(2, "train", "--data", self.data, "--dashboard", "--dashboard-listen", "0.0.0.0", says="token")
        self.refuses(2, "train", "--data", self.data, "--dashboard-stay", says="--dashboard")
        self.refuses(1, "dashboard", "absent.jsonl", says="absent.jsonl")
        (self.folder / "bad.jsonl").write_text('{"v":1}\n')
        self.refuses(1, "dashboard", "bad.jsonl", says="line 1")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.refuses(2, "train", "--data", self.data, "--epochs", 1, "--dashboard", "--dashboard-port",
                       taken.getsockname()[1], says="port")

    def test_one_file(self):
        self.works("train", "--data", self.data, "--epochs", 2, "--events", "run.jsonl", "--quiet")
        done = self.run_program("dashboard", "run.jsonl", "--html", "page.html")
        if done.code != 0:
            self.assertIn("no page", done.err)
            return
        page = (self.folder / "page.html").read_text()
        recorded = re.search(r'<script type="application/json" id="recorded-runs">(.*?)</script>', page, re.S).group(1)
        runs = json.loads(recorded)["runs"]
        log = [json.loads(line) for line in (self.folder / "run.jsonl").read_text().splitlines()]
        self.assertEqual(runs[0]["events"], log)
        self.assertNotIn('src="app.js"', page)
        self.refuses(2, "dashboard", "run.jsonl", "--html", "run.jsonl", says="run.jsonl")


def client_note(client, action):
    """What the log says of it."""
    events = [json.loads(line) for line in client.ask("GET", "/api/runs/0/events.jsonl")[1].splitlines()]
    return [e["what"] for e in events if e["type"] == "control" and e["action"] == action][-1]
