"""The centre with Python's standard library. CENTRE is where it answers, TOKEN the analyst's token."""
import json
import os
import urllib.parse
import urllib.request

CENTRE = os.environ.get("CENTRE", "http://127.0.0.1:8090")
VILLAGE = os.environ.get("VILLAGE", "bamenda")
CURSOR_FILE = os.environ.get("CURSOR_FILE", "cursor.txt")


def ask(path, **query):
    url = CENTRE + path + ("?" + urllib.parse.urlencode(query) if query else "")
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + os.environ["TOKEN"]})
    return urllib.request.urlopen(request, timeout=90)


def readings(village, **query):
    """One by one, however many there are. An answer that breaks off raises http.client.IncompleteRead."""
    with ask("/v1/villages/%s/readings" % village, format="ndjson", **query) as answer:
        for line in answer:
            yield json.loads(line)


def changes(take):
    """Hands on what arrived since the last call; the cursor is kept once `take` has a page."""
    query = {}
    if os.path.exists(CURSOR_FILE):
        with open(CURSOR_FILE) as kept:
            query["since"] = kept.read()
    while True:
        with ask("/v1/changes", limit=1000, **query) as answer:
            page = json.load(answer)
        take(page["items"])
        query["since"] = page["next"]
        with open(CURSOR_FILE + ".new", "w") as kept:
            kept.write(page["next"])
        os.replace(CURSOR_FILE + ".new", CURSOR_FILE)
        if not page["more"]:
            return


if __name__ == "__main__":
    with ask("/v1/villages") as villages:
        print(json.dumps(json.load(villages)))
    with ask("/v1/villages/" + VILLAGE) as village:
        print(json.dumps(json.load(village)))
    for reading in readings(VILLAGE, **{"from": "2026-03-01T00:00:00Z", "to": "2026-03-02T00:00:00Z"}):
        print(json.dumps(reading))
    arrived = []
    changes(arrived.extend)
    print(len(arrived))
    day = {"from": "2026-03-01", "to": "2026-03-02", "step": "day", "tz": "Africa/Douala"}
    with ask("/v1/villages/%s/energy" % VILLAGE, **day) as energy:
        print(json.dumps(json.load(energy)))
