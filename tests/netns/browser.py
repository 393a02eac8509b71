#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A real Chromium, told what to do by lines on standard input; each is answered by one line.

goto URL        opens it, once it is loaded
eval EXPR       its value as JSON; a promise is waited for
inject FILE     a script that runs before those of pages to come
size W H        of the window, in CSS pixels
scheme S        prefers-color-scheme: light, dark
key NAME        is pressed: Tab, Shift+Tab, Enter, ArrowDown, Escape, or a character
shot FILE       a picture of the page
console         all errors and warnings so far, as a JSON list
heap            after collecting garbage: bytes of JavaScript, nodes, listeners
busy            seconds of the main thread so far
layouts         how often it laid a page out so far
axtree          role and name of all that is accessible, as a JSON list of [role, name]

Speaks the DevTools protocol over a pipe: messages end with a zero byte.
"""
import base64
import json
import os
import signal
import subprocess
import sys

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-extensions", "--disable-breakpad", "--mute-audio", "--hide-scrollbars", "--disable-gpu-vsync",
         "--disable-frame-rate-limit", "--enable-precise-memory-info",
         # A name that comes to resolve to this host.
         "--host-resolver-rules=MAP rebound.example 127.0.0.1"]
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40}


class Browser:
    def __init__(self, profile):
        to_read, self.to_browser = os.pipe()
        self.from_browser, to_write = os.pipe()

        def redirect():
            # In two steps: one of them may be 3 or 4 itself.
            read, write = os.dup2(to_read, 20), os.dup2(to_write, 21)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            close_fds=False, preexec_fn=redirect, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.rest = b""
        self.serial = 0
        self.session = None
        self.complaints = []
        self.loaded = False

    def receive(self):
        while b"\0" not in self.rest:
            piece = os.read(self.from_browser, 1 << 20)
            if not piece:
                raise SystemExit("the browser has ended")
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def note(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Page.loadEventFired":
            self.loaded = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.complaints.append(params["entry"]["text"])

    def call(self, method, **params):
        self.serial += 1
        serial = self.serial
        message = {"id": serial, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == serial:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.note(answer)

    def attach(self):
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        # Of the thread, not of the clock: others have the machine, too.
        self.call("Performance.enable", timeDomain="threadTicks")

    def do_goto(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        while not self.loaded:
            self.note(self.receive())
        return "ok"

    def do_eval(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            return json.dumps({"error": str(result["exceptionDetails"])})
        return json.dumps(result["result"].get("value"))

    def do_inject(self, path):
        with open(path, encoding="utf-8") as file:
            self.call("Page.addScriptToEvaluateOnNewDocument", source=file.read())
        return "ok"

    def do_size(self, size):
        width, height = map(int, size.split())
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)
        return "ok"

    def do_scheme(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        return "ok"

    def do_key(self, name):
        shift = 8 if name.startswith("Shift+") else 0
        name = name.removeprefix("Shift+")
        key = {"key": name, "modifiers": shift, "windowsVirtualKeyCode": KEYS.get(name, 0)}
        text = "\r" if name == "Enter" else name if len(name) == 1 else ""
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **key)
        self.call("Input.dispatchKeyEvent", type="keyUp", **key)
        return "ok"

    def do_shot(self, path):
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))
        return "ok"

    def do_console(self, _):
        # What was sent before this is answered before it.
        self.call("Runtime.evaluate", expression="0")
        return json.dumps(self.complaints)

    def do_heap(self, _):
        for _ in range(3):
            self.call("HeapProfiler.collectGarbage")
        heap = self.call("Runtime.getHeapUsage")
        counters = self.call("Memory.getDOMCounters")
        return f"{int(heap['usedSize'])} {counters['nodes']} {counters['jsEventListeners']}"

    def metric(self, name):
        return next(m["value"] for m in self.call("Performance.getMetrics")["metrics"] if m["name"] == name)

    def do_busy(self, _):
        return str(self.metric("TaskDuration"))

    def do_layouts(self, _):
        return str(int(self.metric("LayoutCount")))

    def do_axtree(self, _):
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return json.dumps([[node["role"]["value"], node.get("name", {}).get("value", "")]
                           for node in nodes if not node["ignored"]])


def main():
    # As at the end of the input: the browser must not outlive this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    browser = Browser(sys.argv[1])
    try:
        browser.attach()
        print("ready", flush=True)
        for line in sys.stdin:
            command, _, argument = line.rstrip("\n").partition(" ")
            print(getattr(browser, f"do_{command}")(argument), flush=True)
    finally:
        browser.process.terminate()
        browser.process.wait(10)


if __name__ == "__main__":
    main()
