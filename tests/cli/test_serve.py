"""The program as a server: started, asked, changed and ended as people do it."""
import json
import signal
import urllib.error
import urllib.request

from support import Case


class Serving(Case):
    def setUp(self):
        super().setUp()
        self.train("--hidden", "12,9", "--group-size", "4", "--fixed", epochs=1, out="net.safetensors")

    def environment(self):
        return {**super().environment(), **getattr(self, "extra", {})}

    def serve(self, *words, **environment):
        self.extra = environment
        process = self.start("serve", *words, "--port", 0, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if line.startswith("serving at"):
                self.url = line.split()[-1]
                return process
        self.fail(process.stderr.read())

    def ask(self, path, body=None, token=None, **headers):
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_answers_changes_and_ends_well(self):
        server = self.serve("net.safetensors", "--name", "other=net.safetensors")
        self.assertEqual([one["name"] for one in self.ask("/v1/models")[1]["models"]], ["net", "other"])
        sample = [[float(i) for i in range(64)]]
        _, before = self.ask("/v1/models/net/predict", {"inputs": sample})
        self.assertEqual(self.ask("/v1/models/net/edit", {"grow": {"space": 1, "by": 4}})[0], 200)
        _, after = self.ask("/v1/models/net/predict", {"inputs": sample})
        self.assertEqual((before["version"], after["version"]), (1, 2))
        self.assertEqual(before["predictions"], after["predictions"])
        self.assertEqual(self.ask("/v1/models/other/predict", {"inputs": sample})[1]["outputs"], before["outputs"])
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0)

    def test_tokens_come_from_files_and_the_environment(self):
        (self.folder / "token").write_text("from-a-file\n")
        self.serve("net.safetensors", "--token-file", "token", ISOFORM_CONTROL_TOKEN="from-outside")
        self.assertEqual(self.ask("/v1/models")[0], 401)
        self.assertEqual(self.ask("/v1/models", token="from-a-file")[0], 200)
        grow = {"grow": {"space": 1, "by": 4}}
        self.assertEqual(self.ask("/v1/models/net/edit", grow, token="from-a-file")[0], 403)
        self.assertEqual(self.ask("/v1/models/net/edit", grow, token="from-outside")[0], 200)

    def test_refuses(self):
        (self.folder / "empty").write_text("")
        self.refuses(2, "serve", says="needs a model file")
        self.refuses(2, "serve", "net.safetensors", "--listen", "0.0.0.0", says=("can be reached", "--token-file"))
        self.refuses(2, "serve", "net.safetensors", "--name", "net=net.safetensors", says="two models are called 'net'")
        self.refuses(2, "serve", "--name", "net", says="NAME=FILE")
        self.refuses(2, "serve", "net.safetensors", "--learn-every", 1, says="learn every")
        self.refuses(2, "serve", "net.safetensors", "--port", 70000, says="port")
        self.refuses(1, "serve", "net.safetensors", "--token-file", "empty", says="empty")
        self.refuses(1, "serve", "net.safetensors", "--token-file", "nowhere", says="nowhere")
        self.refuses(1, "serve", "nowhere.safetensors", says="nowhere.safetensors")
        self.refuses(2, "serve", "net.safetensors", "--token", "secret", says="--token is unknown")
