"""What the walks share: where the server is, and the user who logs in."""

import os

URL = os.environ["DOORWARD_URL"]
PAT = os.environ["DOORWARD_PAT"]
LOGIN_NAME = os.environ["DOORWARD_LOGIN_NAME"]
PASSWORD = os.environ["DOORWARD_PASSWORD"]
