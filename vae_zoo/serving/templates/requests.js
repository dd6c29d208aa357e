// {{ notice }}
//
// What nginx lets through to TF Serving's REST interface: JSON with at least one row,
// all rows of one shape, and that a shape of the signature's input in one of the
// versions served. Names that are not known here are the server's to refuse.

// Model -> signature -> input -> the shapes of a row; null is any size.
const SHAPES = {{ shapes }};

function own(object, key) {
    return Object.prototype.hasOwnProperty.call(object, key) ? object[key] : undefined;
}

function isObject(value) {
    return value !== null && typeof value === 'object' && !Array.isArray(value);
}

// The shape of a tensor by its first elements; undefined if there are none.
function shapeOf(value) {
    const shape = [];
    while (Array.isArray(value)) {
        if (value.length === 0) {
            return undefined;
        }
        shape.push(value.length);
        value = value[0];
    }
    return shape;
}

function isNumber(value) {
    return typeof value === 'number' && value - value === 0;  // No infinity.
}

// Whether it is a tensor of numbers of this very shape. Loops, for they are the
// fastest here, and this looks at every number.
function isTensor(value, shape, axis) {
    if (axis === shape.length) {
        return isNumber(value);
    }
    if (!Array.isArray(value) || value.length !== shape[axis]) {
        return false;
    }
    const isInnermost = axis + 1 === shape.length;
    for (let i = 0; i < value.length; i++) {
        const each = value[i];
        if (isInnermost ? !isNumber(each) : !isTensor(each, shape, axis + 1)) {
            return false;
        }
    }
    return true;
}

function isOneOf(shape, allowed) {
    return allowed.some(sizes => sizes.length === shape.length &&
        sizes.every((size, axis) => size === null || size === shape[axis]));
}

// Input name -> list of rows; a list without a name is that of the only input.
function rowsByInput(body) {
    if (body.inputs !== undefined) {
        return isObject(body.inputs) ? body.inputs : {'': body.inputs};
    }
    const rows = body.instances;
    if (!Array.isArray(rows) || !isObject(rows[0])) {
        return {'': rows};
    }
    const found = {};
    Object.keys(rows[0]).forEach(name => {
        found[name] = rows.map(row => isObject(row) ? own(row, name) : undefined);
    });
    return found;
}

// How many strings the text has if no key is there twice. Of two the server takes the
// first, JavaScript the last.
function countOfStrings(body) {
    let count = Object.keys(body).length;
    count += body.signature_name === undefined ? 0 : 1;
    count += isObject(body.inputs) ? Object.keys(body.inputs).length : 0;
    const rows = Array.isArray(body.instances) ? body.instances : [];
    rows.forEach(row => {
        count += isObject(row) ? Object.keys(row).length : 0;
    });
    return count;
}

function parsed(text) {
    // The server also takes NaN and Infinity, which JSON does not have.
    if (!/NaN|Inf/.test(text)) {
        return JSON.parse(text);
    }
    return JSON.parse(text.replace(/-?\b(?:NaN|Inf(?:inity)?)\b/g, '0'));
}

// What is wrong with the request, or undefined.
function problem(model, text) {
    let body;
    try {
        body = parsed(text);
    } catch (error) {
        return 'The body must be JSON: ' + error.message;
    }
    if (!isObject(body) || (body.instances === undefined) === (body.inputs === undefined)) {
        return 'The body must be an object with either "instances" or "inputs".';
    }
    const strings = text.match(/"(?:[^"\\]|\\.)*"/g) || [];
    if (strings.length !== countOfStrings(body)) {
        return 'The body must have each key once, and numbers alone as values.';
    }
    const signature = body.signature_name === undefined ? 'serving_default' : body.signature_name;
    const signatures = own(SHAPES, model);
    const inputs = signatures === undefined ? undefined : own(signatures, signature);
    return problemOfInputs(rowsByInput(body), inputs);
}

function problemOfInputs(found, inputs) {
    const names = Object.keys(found);
    if (names.length === 0) {
        return 'There must be at least one input.';
    }
    const numRows = Array.isArray(found[names[0]]) ? found[names[0]].length : 0;
    for (let i = 0; i < names.length; i++) {
        const name = names[i];
        const rows = found[name];
        if (!Array.isArray(rows) || rows.length === 0 || rows.length !== numRows) {
            return 'All inputs must have as many rows, at least one.';
        }
        const shape = shapeOf(rows[0]);
        if (shape === undefined || !rows.every(row => isTensor(row, shape, 0))) {
            return 'All rows of an input must be numbers of one shape: ' + name;
        }
        const only = name === '' && inputs !== undefined ? Object.keys(inputs) : [];
        const allowed = inputs === undefined ? undefined :
            only.length === 1 ? inputs[only[0]] : own(inputs, name);
        if (allowed !== undefined && !isOneOf(shape, allowed)) {
            return 'A row of ' + (name || only[0]) + ' must have one of the shapes ' +
                JSON.stringify(allowed) + '. Received: ' + JSON.stringify(shape);
        }
    }
    return undefined;
}

function check(r) {
    const model = r.uri.match(/^\/v1\/models\/([^\/:]+)/)[1];
    const message = problem(model, r.requestText || '');
    if (message === undefined) {
        r.internalRedirect('@server');
    } else {
        r.headersOut['Content-Type'] = 'application/json';
        r.return(400, JSON.stringify({error: message}));
    }
}

export default {check};
