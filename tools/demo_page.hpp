// The page at /demo: calls each route and shows what it says. No file of its own, so that the program is all
// there is.
#pragma once

#include <string_view>

inline constexpr std::string_view demo_page = R"html(<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>weft-httpd</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color: #222 }
h1 { font-size: 1.4rem } section { border-top: 1px solid #ccc; padding: .7rem 0 }
button, input { font: inherit; padding: .15rem .6rem } code { background: #f2f2f2; padding: 0 .3rem }
pre { background: #f2f2f2; padding: .5rem; margin: .5rem 0 0; min-height: 1.5em; white-space: pre-wrap }
@media (prefers-color-scheme: dark) {
  body { background: #181818; color: #ddd } code, pre { background: #2a2a2a }
}
</style>
<h1>weft-httpd</h1>
<p>Every handler below is blocking-style code in a fiber of its own.</p>
<section><button data-get="/json">GET</button> <code>/json</code> an answer by a handler<pre></pre></section>
<section><button data-get="/users/42">GET</button> <code>/users/{id}</code> a number from the path; try
 <button data-get="/users/abc">/users/abc</button><pre></pre></section>
<section><button data-get="/sleep?ms=500">GET</button> <code>/sleep?ms=500</code> a fiber sleeps, its worker
 does not<pre></pre></section>
<section><button data-get="/cpu?ms=50">GET</button> <code>/cpu?ms=50</code> a fiber computes
<pre></pre></section>
<section><input type="file" id="file"> <code>POST /upload</code> read as it comes<pre id="upload"></pre>
</section>
<section><button id="listen">listen</button> <code>/events</code> server-sent events
<pre id="events"></pre></section>
<script>
for (const button of document.querySelectorAll("[data-get]"))
  button.onclick = async () => {
    const out = button.parentElement.querySelector("pre"), begin = performance.now();
    const reply = await fetch(button.dataset.get);
    out.textContent = `${reply.status} ${await reply.text()} (${Math.round(performance.now() - begin)} ms)`;
  };
file.onchange = async () => {
  upload.textContent = await (await fetch("/upload", {method: "POST", body: file.files[0]})).text();
};
let source;
listen.onclick = () => {
  if (source) { source.close(); source = undefined; listen.textContent = "listen"; return; }
  source = new EventSource("/events");
  source.onmessage = e => events.textContent = `${e.lastEventId}: ${e.data}`;
  listen.textContent = "stop";
};
</script>
</html>
)html";
