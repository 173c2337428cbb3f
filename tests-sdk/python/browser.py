"""As much of a browser as a login at the provider of `tests-sdk/provider` needs."""

from urllib.parse import parse_qs, urljoin, urlsplit

import requests


def follow(session, url, until):
    """Follows redirects, logs in and agrees; gives the first address that begins with `until`."""
    answer = session.get(url, allow_redirects=False, timeout=30)
    for _ in range(20):
        if "location" in answer.headers:
            url = urljoin(url, answer.headers["location"])
            if url.startswith(until):
                return url
            answer = session.get(url, allow_redirects=False, timeout=30)
            continue
        answer.raise_for_status()
        login = 'name="prompt" value="login"' in answer.text
        form = {"prompt": "login", "login": "mini", "password": "any"} if login else {"prompt": "consent"}
        answer = session.post(url, data=form, allow_redirects=False, timeout=30)
    raise AssertionError(f"no end of it: {url}")


def log_in(start, doorward, success):
    """Logs in at the provider and comes back; gives the parameters with which the login page is called at the end."""
    with requests.Session() as session:
        # The provider was told the address by which the world knows the server; here it listens elsewhere.
        back = urlsplit(follow(session, start, "https://doorward.example/"))
        end = follow(session, f"{doorward}{back.path}?{back.query}", success)
    return {name: values[0] for name, values in parse_qs(urlsplit(end).query).items()}
