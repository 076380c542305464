"""Serve the demo shop and the front door: `python -m sandbox.shop --port 9001 --api … --return-origins …`."""

import argparse

import uvicorn

from sandbox.cloud import template
from sandbox.shop.api_gateway import ApiGateway, Rules
from sandbox.shop.front_door import FrontDoor


def main() -> None:
    """Run until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True, help="URL that everything not below /shop is passed on to")
    parser.add_argument("--return-origins", required=True, help="as the stack was deployed with")
    given = parser.parse_args()
    rules = Rules.of_template(template.load(), given.return_origins)
    uvicorn.run(
        FrontDoor(given.api, ApiGateway(rules)),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        # what the API answered goes out as it is, nothing added
        server_header=False,
        date_header=False,
        # longer than clients keep idle connections, so that no request meets a closing one
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
