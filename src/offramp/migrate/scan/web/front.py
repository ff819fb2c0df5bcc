"""The front end for TypeScript and JavaScript: what one file holds of clients and call sites."""

from collections import Counter
from collections.abc import Iterator

from ast_grep_py import SgNode

from offramp.migrate.scan.fingerprint import fingerprint
from offramp.migrate.scan.judge import Facts, judge
from offramp.migrate.scan.model import Client, FileResult, Problem, Project, Site, Source, in_order, site_id
from offramp.migrate.scan.rules.check import check_web, concerns_web
from offramp.migrate.scan.web import frameworks, http, sdk, vercel
from offramp.migrate.scan.web.body import body_of
from offramp.migrate.scan.web.callers import Callers
from offramp.migrate.scan.web.evaluate import MOST_STEPS, evaluator
from offramp.migrate.scan.web.libraries import HTTP_HINT, WANTED, has_trace
from offramp.migrate.scan.web.module import Call, Module
from offramp.migrate.scan.web.options import features_of, header_of, parameters_of
from offramp.migrate.scan.web.said import Model, model_of
from offramp.migrate.scan.web.syntax import Parsed, arguments, is_made_by_a_tool, parse, problems, slice_of
from offramp.migrate.scan.web.use import Use, argument, records
from offramp.migrate.scan.web.values import Place


def analyse(source: Source, *, project: Project) -> FileResult:
    """What a TypeScript or JavaScript file, or the scripts of a page, hold.

    Args:
        source: The file.
        project: All files, so that imports can be followed.
    """
    if not has_trace(source.text):
        findings = check_web(parse(source).root, source) if concerns_web(source.text) else []
        return FileResult(file=source.path, language="javascript", findings=findings)
    if is_made_by_a_tool(source.text):
        problem = Problem(file=source.path, line=0, message="not read: its lines are too long for a person's")
        return FileResult(file=source.path, language="javascript", problems=[problem])
    who = project.index(_callers)
    who.ev.left = MOST_STEPS
    module = who.ev.module(source.path)
    parsed = module.parsed if module is not None else parse(source)
    if module is None:
        return FileResult(file=source.path, language=parsed.language, problems=problems(parsed, source.path))
    clients: list[Client] = []
    uses: list[tuple[Call, Use]] = []
    for call in module.calls:
        place = Place(module, call.node)
        if call.node.kind() == "new_expression":
            clients += sdk.clients_at(who, place)
        use = _use_at(who, place)
        if use is not None:
            uses.append((call, use))
        elif (made := vercel.provider_at(who, place)) is not None:
            clients.append(made)
    made_here = [use for _, use in uses if use.made is not None and use.made.node == use.place.node]
    frameworks.later_features(who, module, made_here)
    clients += [sdk.client_at(who, use.place, use.library) for use in made_here]
    return FileResult(
        file=source.path,
        language=parsed.language,
        sites=list(_sites(who, module, uses)),
        clients=clients,
        findings=check_web(parsed.root, source),
        problems=problems(parsed, source.path),
    )


def _callers(project: Project) -> Callers:
    return Callers(project.index(evaluator))


def _use_at(who: Callers, place: Place) -> Use | None:
    callee_node = place.node.field("function") or place.node.field("constructor")
    if callee_node is None or not _may_matter(place, callee_node):
        return None
    callee = who.ev.value(Place(place.module, callee_node))
    found = sdk.uses_at(who, place, callee) if place.node.kind() == "call_expression" else None
    found = found or vercel.use_at(who, place, callee) or frameworks.use_at(who, place, callee)
    found = found or vercel.handed_at(who, place, callee)
    return found or http.use_at(who, place, callee, _last_name(callee_node))


def _last_name(callee: SgNode) -> str:
    name = callee.field("property") if callee.kind() == "member_expression" else callee
    return name.text() if name is not None and name.is_leaf() else ""


def _may_matter(place: Place, callee: SgNode) -> bool:
    """Whether a call is worth following: any name of one's own may stand for something, but few methods do."""
    if callee.kind() != "member_expression" or _last_name(callee) in WANTED:
        return True
    given = arguments(place.node)
    return bool(given) and HTTP_HINT.search(slice_of(place.module.parsed, given[0], _ADDRESS_READ)) is not None


_ADDRESS_READ = 200


def _sites(who: Callers, module: Module, uses: list[tuple[Call, Use]]) -> Iterator[Site]:
    seen: Counter[tuple[str, str]] = Counter()
    for call, use in uses:
        function = call.function.name if call.function is not None else ""
        ordinal = seen[function, use.operation]
        seen[function, use.operation] += 1
        yield _site(who, module.parsed, use, function, site_id(module.path, function, use.operation, ordinal))


def _site(who: Callers, parsed: Parsed, use: Use, function: str, identity: str) -> Site:
    span = use.place.node.range()
    model = _model(who, use)
    features = set(use.features)
    for options in use.options:
        features |= features_of(who, options, schema=use.library == "vercel-ai")
    client = f"{use.made.module.path}:{use.made.node.range().start.line + 1}" if use.made is not None else ""
    header = _header(who, use)
    verdict = judge(
        Facts(
            operation=use.operation,
            features=features,
            library=use.library,
            model=model.name,
            base_url=use.base_url,
            client=client,
            azure=use.azure,
        )
    )
    return Site(
        id=identity,
        file=use.place.module.path,
        line=span.start.line + 1,
        column=span.start.column + 1,
        end_line=span.end.line + 1,
        language=parsed.language,
        library=use.library,
        library_version=who.ev.project.version_of(*use.packages),
        function=function,
        operation=use.operation,
        model=model.name,
        model_from=model.origin,
        models=model.all,
        callers=tuple(dict.fromkeys((*use.callers, *model.callers)))[:24],
        features=in_order(features),
        parameters=_parameters(use),
        client=client,
        base_url=use.base_url,
        site_header=header,
        fingerprint=_fingerprint(who, use, header),
        supported=verdict.supported,
        change="; ".join(word for word in (verdict.change, use.note) if word),
    )


def _model(who: Callers, use: Use) -> Model:
    said = model_of(who, use.models) if use.models else Model()
    names = tuple(dict.fromkeys((*said.all, *((said.name,) if said.name else ()), *(name for name, _ in use.named))))
    if said.name is None and use.named:
        return Model(names[0], use.named[0][1], names if len(names) > 1 else (), said.callers)
    if use.models:
        return Model(said.name, said.origin, names if names != (said.name,) else (), said.callers)
    if use.default_model:
        return Model(use.default_model, "default")
    return Model(None, "argument" if use.from_argument else "unknown")


def _header(who: Callers, use: Use) -> str:
    settings = sdk.settings_of(who, use.made) if use.made is not None else []
    beside = records(who, argument(use.place, 1)) if use.library == "openai" else []
    return next((found for options in (*use.options, *beside, *settings) if (found := header_of(who, options))), "")


def _parameters(use: Use) -> dict[str, str]:
    shown: dict[str, str] = {}
    for options in use.options:
        for name, text in parameters_of(options).items():
            shown.setdefault(name, text)
    return shown


def _fingerprint(who: Callers, use: Use, header: str) -> str:
    key = who.ev.project.hash_key
    if key is None:
        return ""
    body = body_of(who, use.operation, use.options[0]) if use.is_whole and len(use.options) == 1 else None
    return fingerprint(use.operation, body, key, header)
