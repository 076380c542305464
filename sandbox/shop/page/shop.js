// The demo shop: what a merchant's own H5 page does with the API. No framework, so that each call can be read off.

const STATUS = {
  created: "提交中", placed: "待支付", paid: "已支付", shipped: "已发货",
  completed: "已完成", cancelled: "已取消", refunded: "已退款", held: "人工处理中",
};
const FINAL = new Set(["completed", "cancelled", "refunded"]);
const REFRESH_MS = 2000;

const $ = (selector, root = document) => root.querySelector(selector);
const session = {
  get token() { return sessionStorage.getItem("session"); },
  get member() { return sessionStorage.getItem("member"); },
  get orders() { return JSON.parse(localStorage.getItem(`orders ${this.member}`) ?? "[]"); },
  get name() { return sessionStorage.getItem("name"); },
  open({ member_id, session_token, nickname }) {
    sessionStorage.setItem("member", member_id);
    sessionStorage.setItem("session", session_token);
    sessionStorage.setItem("name", nickname || member_id);
  },
  close() { sessionStorage.clear(); },
  remember(order) {
    localStorage.setItem(`orders ${this.member}`, JSON.stringify([order, ...this.orders].slice(0, 20)));
  },
};

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
  if (!reply.ok) throw Object.assign(new Error(content.message ?? `请求失败（${reply.status}）`), { status: reply.status });
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

async function buy(product, button, payWith) {
  if (!session.token) return say("请先登录，再下单。");
  button.disabled = true;
  // One key per intention: a second press or a lost reply cannot become a second order.
  button.dataset.key ??= crypto.randomUUID();
  try {
    const order = await call("POST", "/orders", {
      headers: { "idempotency-key": button.dataset.key },
      body: { items: [{ product_id: product.product_id, quantity: 1 }], pay_with: payWith },
    });
    delete button.dataset.key;
    session.remember({ order_no: order.order_no, title: product.title });
    say(payWith === "points" ? "兑换成功。" : "下单成功，请在下方支付。");
    await Promise.all([showOrders(), showPoints()]);
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

function orderRow(known) {
  const row = $("#order").content.cloneNode(true).firstElementChild;
  $(".number", row).textContent = `${known.title} · ${known.order_no}`;
  $(".refresh", row).addEventListener("click", () => refresh(known, row));
  $(".cancel", row).addEventListener("click", async () => {
    await call("POST", `/orders/${known.order_no}/cancel`).catch((fault) => say(fault.message));
    await refresh(known, row);
  });
  refresh(known, row);
  return row;
}

async function refresh(known, row) {
  const order = await call("GET", `/orders/${known.order_no}`).catch((fault) => say(fault.message));
  if (!order) return;
  $(".status", row).textContent = order.message ?? STATUS[order.status] ?? order.status;
  $(".amount", row).textContent = order.points ? `${order.points} 积分` : `¥${order.amount}`;
  const open = order.status === "placed" || Boolean(order.missing_fen);
  const pay = $(".pay", row);
  pay.hidden = !(open && order.pay_url);
  if (order.pay_url) pay.href = `${order.pay_url}?return_to=${encodeURIComponent(location.href)}`;
  $(".cancel", row).hidden = !open;
  $(".timeline", row).replaceChildren(...(order.timeline ?? []).map(({ at, what }) => {
    const line = document.createElement("li");
    line.textContent = `${new Date(at * 1000).toLocaleTimeString("zh-CN")} ${what}`;
    return line;
  }));
  if (!FINAL.has(order.status) && row.isConnected) setTimeout(() => refresh(known, row), REFRESH_MS);
}

async function showOrders() {
  const orders = session.token ? session.orders : [];
  $("#orders").hidden = orders.length === 0;
  $("#order-list").replaceChildren(...orders.map(orderRow));
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

$("#logout").addEventListener("click", () => logOut());
await takeTicket().catch((fault) => say(fault.message));
await showProducts();
show();
