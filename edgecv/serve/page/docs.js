// Shows openapi.json, as the server describes itself.

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function rows(title, pairs) {
  if (!pairs.length) return [];
  const lines = pairs.map(([name, words]) => element("tr", "", element("th", name), element("td", words)));
  return [element("table", "", element("caption", title), ...lines)];
}

const kinds = (content) => Object.keys(content || {}).join(", ");
const named = (schema) => schema?.$ref?.split("/").pop() || schema?.anyOf?.map(named).join(" or ") || "";
const schemas = (content) => [...new Set(Object.values(content || {}).map((one) => named(one.schema)).filter(Boolean))];

function operation(method, path, about) {
  const heading = element("h2", "", element("b", method.toUpperCase()), path);
  const parameters = (about.parameters || []).map((one) => [one.name, `in the ${one.in}. ${one.description || ""}`]);
  const body = about.requestBody?.content;
  const sent = body ? [["body", `${kinds(body)} ${schemas(body).join(" or ")}`]] : [];
  const answers = Object.entries(about.responses).map(([status, one]) => [
    status, `${one.description}. ${status === "200" ? `${kinds(one.content)} ${schemas(one.content).join(" or ")}` : ""}`,
  ]);
  return element("section", "", heading, element("p", about.summary), ...rows("Request", [...parameters, ...sent]),
    ...rows("Answers", answers));
}

const description = await (await fetch("openapi.json")).json().catch(() => null);
const main = document.getElementById("operations");
if (!description?.paths) {
  main.replaceChildren(element("p", "The description cannot be read. Does this server ask for a key?"));
} else {
  const operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, about]) => operation(method, path, about)));
  const records = Object.entries(description.components.schemas).map(([name, schema]) =>
    element("section", "", element("h2", name), element("pre", JSON.stringify(schema, null, 2))));
  main.replaceChildren(...operations, ...records);
}
