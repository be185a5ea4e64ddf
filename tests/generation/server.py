"""A local server that speaks OpenAI's protocol, with faults on demand."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Answers with what `write` makes of a prompt, after as many faults as asked for.

    A fault is a status, a pair of status and headers, or one of: cut (the connection ends), truncated (half
    of the answer), empty, malformed, odd (JSON of another form), slow (later than a client waits). `fails`
    says for which prompts every request fails.
    """

    daemon_threads = True

    def __init__(self, faults=(), body=None, write=None, fails=lambda prompt: False):
        self.faults, self.seen, self.body, self.fails = list(faults), [], body, fails
        self.write = write or (lambda prompt, request: f"The answer is {len(prompt)}.")
        self.answered = []
        self.lock = threading.Lock()
        self.most_at_once = self.at_once = 0
        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_):
        return


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = self.path.endswith("/chat/completions")
        prompt = request["messages"][0]["content"] if chat else request["prompt"]
        with server.lock:
            server.seen.append((self.path, request, self.headers.get("Authorization")))
            fault = server.faults.pop(0) if server.faults else 500 if server.fails(prompt) else 200
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        try:
            text = server.write(prompt, request)
        finally:
            # Before the answer leaves: once it has arrived, the client may send its next request.
            with server.lock:
                server.at_once -= 1
        self.give(fault, prompt, text, chat)

    def give(self, fault, prompt, text, chat):
        status, headers = fault if isinstance(fault, tuple) else (fault, {})
        if fault == "cut":
            self.connection.close()
            return
        if fault == "slow":
            time.sleep(0.5)
            status = 200
        choice = {"message": {"content": text}} if chat else {"text": text}
        body = self.server.body or {
            "choices": [choice | {"finish_reason": "stop"}],
            "usage": {"prompt_tokens": len(prompt), "completion_tokens": 4},
        }
        answer = json.dumps(body if status == 200 else {"error": "no"}).encode()
        length = len(answer)
        if fault in ("truncated", "empty", "malformed", "odd"):
            answer = {"truncated": answer[:9], "empty": b"", "malformed": b"<html>", "odd": b"[1]"}[fault]
            status, length = 200, length if fault == "truncated" else len(answer)
        if status == 200 and not isinstance(fault, str):
            with self.server.lock:
                self.server.answered.append(prompt)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        return
