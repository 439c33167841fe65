"""The server: what the page may ask for, and how it is run."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

from xrdfit.app.call import LONGEST_WORD, ReadCall, check_words
from xrdfit.app.guard import Guard
from xrdfit.app.sessions import MOST_BYTES, Session, Sessions
from xrdfit.app.worker import KINDS
from xrdfit.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_LONGEST_QUESTION = 200_000  # bytes of JSON
_SWEEP_SECONDS = 20.0


def need_libraries() -> None:
    """Make sure that what the server is made of is installed.

    Raises
    ------
    InputError
        It is not.
    """
    from importlib.util import find_spec

    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"the app needs {' and '.join(missing)}, not installed here: pip install 'xrdfit-occupancy[app]'; "
            "`xrdfit explore` needs nothing"
        )


def serve(port: int, read_call: ReadCall, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    port : int
        0 for any that is free.
    read_call : callable
        Reads the words of a command line.
    ready : callable
        Called with the address, which holds the token, once the server listens.

    Raises
    ------
    InputError
        The port is not free, or the libraries are not installed.
    """
    need_libraries()
    import uvicorn

    with _listening(port) as listening:
        number = listening.getsockname()[1]
        token = token_urlsafe(24)
        sessions = Sessions(read_call)
        settings = uvicorn.Config(
            Guard(application(sessions), token, number),  # pyright: ignore[reportArgumentType]  # an ASGI application
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=32_000,
        )
        address = f"http://127.0.0.1:{number}/?token={token}"

        class Server(uvicorn.Server):
            """Tells its address once it heeds signals, so that whoever knows of it can end it in order."""

            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                asyncio.get_running_loop().run_in_executor(None, ready, address)

        try:
            Server(settings).run(sockets=[listening])
        finally:
            sessions.close()


def _listening(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.bind(("127.0.0.1", port))
        made.listen(64)
    except (OSError, OverflowError) as error:
        made.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"port {port} of this computer cannot be used: {reason}; give another, or none") from None
    return made


def application(sessions: Sessions) -> Starlette:
    """Return the ASGI application, which lets everybody in; see `Guard`."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from xrdfit.app.page import page_text, policy

    text = page_text()
    headers = {"content-security-policy": policy(text)}
    of = _of_session(sessions)

    async def page(_: Request) -> Response:
        return Response(text, media_type="text/html", headers=headers)

    async def begin(_: Request) -> Response:
        return JSONResponse({"session": sessions.begin()})

    async def end(request: Request) -> Response:
        await asyncio.to_thread(sessions.end, request.headers.get("x-xrdfit-session", ""))
        return JSONResponse({})

    routes = [
        Route("/", page, methods=["GET"]),
        Route("/api/session", _answered(begin), methods=["POST"]),
        Route("/api/session", _answered(end), methods=["DELETE"]),
        Route("/api/alive", _answered(of(_alive)), methods=["GET"]),
        Route("/api/files", _answered(of(_upload)), methods=["PUT"]),
        Route("/api/files", _answered(of(_remove)), methods=["DELETE"]),
        Route("/api/jobs", _answered(of(_start(sessions))), methods=["POST"]),
        Route("/api/jobs/{job}", _answered(of(_look)), methods=["GET"]),
        Route("/api/jobs/{job}", _answered(of(_cancel)), methods=["DELETE"]),
        Route("/api/jobs/{job}/answer", _answered(of(_answer)), methods=["GET"]),
        Route("/api/results/{fit:int}/{name}", _answered(of(_download)), methods=["GET"]),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async def sweep() -> None:
            while True:
                await asyncio.sleep(_SWEEP_SECONDS)
                await asyncio.to_thread(sessions.sweep)

        sweeping = asyncio.create_task(sweep())
        yield
        sweeping.cancel()

    return Starlette(routes=routes, lifespan=lifespan)


def _answered(endpoint: Any) -> Any:
    """Turn a refusal into a message that the page shows."""
    from starlette.responses import JSONResponse

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except InputError as error:
            return JSONResponse({"message": str(error)}, status_code=400)
        except _TooLargeError as error:
            return JSONResponse({"message": str(error)}, status_code=413, headers={"connection": "close"})

    return answer


class _TooLargeError(Exception):
    """A body of more bytes than are taken."""


def _of_session(sessions: Sessions) -> Any:
    from starlette.responses import JSONResponse

    def of(endpoint: Any) -> Any:
        async def found(request: Request) -> Response:
            session = sessions.get(request.headers.get("x-xrdfit-session", ""))
            if session is None:
                return JSONResponse({"message": "this page's session has ended: load the page again"}, status_code=410)
            return await endpoint(request, session)

        return found

    return of


async def _alive(_: Request, session: Session) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse({"files": session.names()})


async def _body(request: Request, most: int) -> bytes:
    """Read a body of so many bytes at most, and stop reading where there are more.

    Raises
    ------
    _TooLargeError
        There are.
    """
    refused = _TooLargeError(f"more than {most / 1e6:.3g} MB: a powder pattern or a model is smaller; nothing was kept")
    stated = request.headers.get("content-length", "0")
    if not stated.isascii() or not stated.isdigit() or int(stated[:20]) > most:
        raise refused
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > most:
            raise refused
    return bytes(content)


async def _upload(request: Request, session: Session) -> Response:
    from starlette.responses import JSONResponse

    place = session.place(request.query_params.get("name", ""))
    content = await _body(request, MOST_BYTES)
    place.write_bytes(content)
    return JSONResponse({"files": session.names()})


async def _remove(request: Request, session: Session) -> Response:
    from starlette.responses import JSONResponse

    name = request.query_params.get("name", "")
    if name in session.names():
        (session.files / name).unlink(missing_ok=True)
    return JSONResponse({"files": session.names()})


def _start(sessions: Sessions) -> Any:
    async def start(request: Request, session: Session) -> Response:
        from starlette.responses import JSONResponse

        task = _task(await _body(request, _LONGEST_QUESTION), session)
        name = await asyncio.to_thread(sessions.start, session, task)
        return JSONResponse({"job": name})

    return start


def _task(content: bytes, session: Session) -> dict[str, Any]:
    """Read what a job is to do.

    Raises
    ------
    InputError
        It is none of the known kinds, or names what is not there.
    """
    try:
        asked = json.loads(content)
    except (ValueError, RecursionError):
        raise InputError("a job: JSON is needed") from None
    kind = asked.get("kind") if isinstance(asked, dict) else None
    if kind not in KINDS:
        raise InputError(f"job {kind!r:.40} is unknown; there are {', '.join(KINDS)}")
    if kind == "scan":
        if asked.get("file") not in session.names():
            raise InputError(f"file {asked.get('file')!r:.140} is not here: drop it on the page")
        return {"kind": kind, "file": asked["file"]}
    if kind == "model":
        return {"kind": kind, "models": _models(check_words(asked.get("models")), session)}
    if kind == "files":
        fit = asked.get("fit")
        if not isinstance(fit, int) or not 1 <= fit <= session.fits:
            raise InputError(f"fit {fit!r:.40} is not here")
        return {"kind": kind, "number": fit}
    if kind == "series":
        return {"kind": kind, "words": check_words(asked.get("words"))} | _series(asked, session)
    sites = asked.get("sites", "")
    if not isinstance(sites, str) or len(sites) > LONGEST_WORD:
        raise InputError("sites: a short text is needed")
    return {"kind": kind, "words": check_words(asked.get("words")), "sites": sites}


def _series(asked: dict[str, Any], session: Session) -> dict[str, Any]:
    scans, mode = check_words(asked.get("scans")), asked.get("mode")
    missing = [name for name in scans if name not in session.names()]
    if missing:
        raise InputError(f"file {missing[0]!r:.140} is not here: drop it on the page")
    if not scans:
        raise InputError("no scan: drop the files of a series on the page")
    if mode not in ("independent", "sequential", "joint"):
        raise InputError(f"mode {mode!r:.40}: independent, sequential or joint is allowed")
    return {"scans": scans, "mode": mode}


def _models(names: list[str], session: Session) -> list[str]:
    from xrdfit.model.files.presets import preset_names

    for name in names:
        if name.partition("::")[0] not in (*session.names(), *preset_names()):
            raise InputError(f"model {name!r:.140} is neither a preset nor a file that was dropped here")
    if not names:
        raise InputError("no model: choose a preset, or drop a CIF or a model file")
    return names


async def _look(request: Request, session: Session) -> Response:
    from starlette.responses import JSONResponse

    job = session.jobs.get(request.path_params["job"])
    return JSONResponse(job.to_dict() if job else {"message": "no such job"}, status_code=200 if job else 404)


async def _cancel(request: Request, session: Session) -> Response:
    from starlette.responses import JSONResponse

    job = session.jobs.get(request.path_params["job"])
    if job:
        await asyncio.to_thread(job.cancel)
    return JSONResponse(job.to_dict() if job else {"message": "no such job"}, status_code=200 if job else 404)


async def _answer(request: Request, session: Session) -> Response:
    from starlette.responses import JSONResponse, Response

    job = session.jobs.get(request.path_params["job"])
    if job is None or job.state != "done":
        return JSONResponse({"message": "there is no answer"}, status_code=404)
    return Response(job.answer, media_type="application/json")


async def _download(request: Request, session: Session) -> Response:
    from starlette.responses import FileResponse, JSONResponse

    folder = session.files / f"results-{request.path_params['fit']}"
    name = request.path_params["name"]
    if not folder.is_dir() or name not in {file.name for file in folder.iterdir()}:
        return JSONResponse({"message": "no such file"}, status_code=404)
    return FileResponse(folder / name, media_type="application/octet-stream", filename=name)
