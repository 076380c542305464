// The demo shop: what a merchant's own H5 page does with the API. No framework, so that each call can be read off.

const STATUS = {
  created: "等待社区确认", placed: "待支付", paid: "已支付", shipped: "已发货",
  completed: "已完成", cancelled: "已取消", refunded: "已退款", held: "核实中",
};
// No polling in these: what can follow (received, refunded) takes days, and 刷新 shows it.
const FINAL = new Set(["shipped", "completed", "cancelled", "refunded"]);
const REFRESH_MS = 2000;
const TIME = new Intl.DateTimeFormat("zh-CN", { dateStyle: "short", timeStyle: "medium" });

const $ = (selector, root = document) => root.querySelector(selector);
const session = {
  get token() { return sessionStorage.getItem("session"); },
  get name() { return sessionStorage.getItem("name"); },
  open({ member_id, session_token, nickname }) {
    sessionStorage.setItem("session", session_token);
    sessionStorage.setItem("name", nickname || member_id);
  },
  close() { sessionStorage.clear(); },
};
// The requests of orders placed on this page, by number: the platform may not have them yet.
const requests = new Map();

async function call(method, path, { body, headers } = {}) {
  const reply = await fetch(path, {
    method,
    headers: {
      ...(body && { "content-type": "application/json" }),
      ...(session.token && { authorization: `Bearer ${session.token}` }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const content = await reply.json().catch(() => ({}));
  if (reply.status === 401 && session.token) logOut("登录已过期，请重新登录。");
  // Only what our API says itself has a reason, and is Chinese; 429 and the like are API Gateway's own.
  const message = content.reason ? content.message : `请求失败（${reply.status}），请稍后再试`;
  if (!reply.ok) throw Object.assign(new Error(message), { status: reply.status });
  return content;
}

function say(text) {
  $("#notice").textContent = text;
  $("#notice").hidden = !text;
}

// After login the platform's ticket comes back in the address: trade it for a session, once. It counts only in the
// browser that began the login; otherwise a stranger's link could log our visitor in as the stranger.
async function takeTicket() {
  const address = new URL(location.href);
  const ticket = address.searchParams.get("ticket");
  if (!ticket) return;
  history.replaceState(null, "", address.pathname);
  const begun = sessionStorage.getItem("login");
  sessionStorage.removeItem("login");
  if (!begun || begun !== address.searchParams.get("login")) return say("这次登录不是从这里开始的，请重新登录。");
  const opened = await call("POST", "/oauth/session", { body: { ticket } });
  session.open(opened);
}

function logOut(reason = "") {
  session.close();
  say(reason);
  show();
}

// The same key and body is the same order, however often it is sent: 刷新 repeats it until the platform has the order.
function order({ key, body }) {
  return call("POST", "/orders", { headers: { "idempotency-key": key }, body });
}

function thanks(placed, payWith) {
  if (placed.status === "created") return placed.message;
  return payWith === "points" ? "兑换成功。" : "下单成功，请在下方支付。";
}

async function buy(product, button, payWith) {
  if (!session.token) return say("请先登录，再下单。");
  button.disabled = true;
  // One key per intention: a second press or a lost reply cannot become a second order.
  button.dataset.key ??= crypto.randomUUID();
  try {
    const body = { items: [{ product_id: product.product_id, quantity: 1 }], pay_with: payWith };
    const request = { key: button.dataset.key, body };
    const placed = await order(request);
    delete button.dataset.key;
    requests.set(placed.order_no, request);
    say(thanks(placed, payWith));
    showPlaced(placed);
    await showPoints();
    $("#orders").scrollIntoView({ behavior: "smooth" });
  } catch (fault) {
    // refused for good: the next press is a new intention
    if (fault.status === 422) delete button.dataset.key;
    say(fault.message);
  } finally {
    button.disabled = false;
  }
}

async function showProducts() {
  const products = await (await fetch("/shop/products.json")).json();
  $("#product-list").replaceChildren(...products.map((product) => {
    const row = $("#product").content.cloneNode(true);
    $(".disc", row).textContent = product.title[0];
    $(".title", row).textContent = product.title;
    $(".price", row).textContent = `¥${product.price}`;
    $(".buy", row).addEventListener("click", ({ currentTarget }) => buy(product, currentTarget, "money"));
    const forPoints = $(".for-points", row);
    forPoints.hidden = !product.points;
    forPoints.textContent = `${product.points} 积分兑换`;
    forPoints.addEventListener("click", ({ currentTarget }) => buy(product, currentTarget, "points"));
    return row;
  }));
}

function orderRow(listed) {
  const row = $("#order").content.cloneNode(true).firstElementChild;
  const number = row.dataset.number = listed.order_no;
  $(".number", row).textContent = `${listed.lines.map(({ title }) => title).join("、")} · ${number}`;
  $(".refresh", row).addEventListener("click", () => refresh(number, row, { again: true }));
  $(".cancel", row).addEventListener("click", async () => {
    const over = await call("POST", `/orders/${number}/cancel`).catch((fault) => say(fault.message));
    if (over) say("订单已取消。");
    await refresh(number, row);
  });
  showOrder(listed, row);
  refreshSoon(listed, row);
  return row;
}

async function refresh(number, row, { again = false } = {}) {
  const repeats = again && requests.has(number) && row.dataset.status === "created";
  const shown = await (repeats ? order(requests.get(number)) : call("GET", `/orders/${number}`))
    .catch((fault) => say(fault.message));
  if (shown) showOrder(shown, row);
  if (row.isConnected) refreshSoon(shown, row);
}

function refreshSoon(shown, row) {
  clearTimeout(row.timer);
  if (FINAL.has(shown?.status) || !session.token) return;
  row.timer = setTimeout(() => row.isConnected && refresh(row.dataset.number, row), REFRESH_MS);
}

function showOrder(shown, row) {
  if (row.dataset.status === "created" && shown.status === "placed") say("社区已确认订单，请在下方支付。");
  if (row.dataset.status === "created" && shown.points && ["paid", "shipped"].includes(shown.status)) say("兑换成功。");
  row.dataset.status = shown.status;
  const waits = shown.status === "created";
  $(".status", row).textContent = (waits ? "" : shown.message) || (STATUS[shown.status] ?? shown.status);
  $(".amount", row).textContent = shown.points ? `${shown.points} 积分` : `¥${shown.amount}`;
  const payable = shown.status === "placed" || Boolean(shown.missing_fen);
  const pay = $(".pay", row);
  pay.hidden = !(payable && shown.pay_url);
  if (shown.pay_url) pay.href = `${shown.pay_url}?return_to=${encodeURIComponent(location.href)}`;
  $(".cancel", row).hidden = !(payable || waits);
  $(".timeline", row).replaceChildren(...(shown.timeline ?? []).map(({ at, what }) => {
    const line = document.createElement("li");
    line.textContent = `${TIME.format(new Date(at * 1000))} ${what}`;
    return line;
  }));
}

// The first page, or with a cursor the next one below it.
async function showOrders(cursor = "") {
  if (!cursor) $("#order-list").replaceChildren();
  const query = cursor && `?${new URLSearchParams({ cursor })}`;
  const page = session.token && await call("GET", `/orders${query}`).catch((fault) => say(fault.message));
  $("#order-list").append(...(page?.orders ?? []).map(orderRow));
  $("#orders").hidden = !$("#order-list").children.length;
  $("#more").hidden = !page?.cursor;
  $("#more").onclick = () => showOrders(page.cursor);
}

// On top at once: the list may learn of it a moment later.
function showPlaced(placed) {
  $(`[data-number="${placed.order_no}"]`)?.remove();
  $("#order-list").prepend(orderRow(placed));
  $("#orders").hidden = false;
}

async function showPoints() {
  const points = session.token && await call("GET", "/points").catch((fault) => say(fault.message));
  $("#points").hidden = !points;
  if (points) $("#points").textContent = ` · ${points.balance} 积分`;
}

function show() {
  const login = sessionStorage.getItem("login") ?? crypto.randomUUID();
  sessionStorage.setItem("login", login);
  const back = `${location.origin}${location.pathname}?login=${login}`;
  $("#login").href = `/oauth/login?return_to=${encodeURIComponent(back)}`;
  $("#welcome").hidden = Boolean(session.token);
  $("#member").hidden = !session.token;
  $("#member-name").textContent = session.name ?? "";
  showOrders();
  showPoints();
}

$("#logout").addEventListener("click", () => logOut("已退出。"));
await takeTicket().catch((fault) => say(fault.message));
await showProducts();
show();
