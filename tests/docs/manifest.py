# SPDX-License-Identifier: GPL-2.0
"""manifest.py FILE [PATCH]: what Kubernetes objects say, a line `KIND PATH VALUE` for each value.

Of a list of objects with names, the name stands for the place; a list of words is one value, with commas.
A patch is merged into the object that has its first container, as `kubectl patch` does it (strategically:
containers by name, lists of words as a whole). A key that is there twice is an error.
"""
import sys
import yaml


class Strict(yaml.SafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


def objects(path):
    with open(path, encoding="utf-8") as file:
        return [document for document in yaml.load_all(file, Strict) if document]


def named(value):
    return isinstance(value, list) and value and all(isinstance(v, dict) and "name" in v for v in value)


def merge(value, patch):
    if isinstance(value, dict) and isinstance(patch, dict):
        return value | {key: merge(value.get(key), inner) for key, inner in patch.items()}
    if named(value) and named(patch):
        by_name = {item["name"]: item for item in patch}
        known = {item["name"] for item in value}
        return [merge(item, by_name.get(item["name"], {})) for item in value] + [
            item for item in patch if item["name"] not in known]
    return patch


def lines(path, value):
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from lines(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value):
            name = item.get("name", place)
            yield from lines(f"{path}[{name}]", {k: v for k, v in item.items() if k != "name"} or None)
    elif isinstance(value, list):
        yield path, ",".join(map(str, value))
    else:
        text = str(value).lower() if isinstance(value, bool) or value is None else str(value)
        yield path, text.replace("\n", "\\n")


def main(path, patch=None):
    for item in objects(path):
        if patch and item["kind"] == "DaemonSet":
            for changes in objects(patch):
                item = merge(item, changes)
        for place, text in lines("", item):
            print(item["kind"], place, text)


if __name__ == "__main__":
    main(*sys.argv[1:])
