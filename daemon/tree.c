// SPDX-License-Identifier: MIT
/*
 * The AVL tree of tree.h. Recursion goes as deep as the tree is high, 1.44
 * log2(n): 35 frames for 16 million extents.
 */
#include "tree.h"

#include <assert.h>

#define LEFT_MAX	((1 << 26) - 1)
#define LEFT_MIN	(-(1 << 26))
#define HEIGHT_MAX	31

static int height_of(const struct carve_tree_node *node)
{
	return node ? (int)node->height : 0;
}

static struct carve_tree_node *child_of(const struct carve_tree_node *node,
					int side)
{
	return side ? carve_tree_right(node) : carve_tree_left(node);
}

static void set_child(struct carve_tree_node *node, int side,
		      const struct carve_tree_node *child)
{
	intptr_t words = child ? carve_link_words(node, child) : 0;

	if (side) {
		carve_link_set(&node->right, child);
		return;
	}
	assert(words >= LEFT_MIN && words <= LEFT_MAX);
	node->left = (int32_t)words;
}

static int lean_of(const struct carve_tree_node *node)
{
	return height_of(child_of(node, 0)) - height_of(child_of(node, 1));
}

static void update(struct carve_tree_node *node)
{
	int left = height_of(child_of(node, 0));
	int right = height_of(child_of(node, 1));

	left = 1 + (left > right ? left : right);
	assert(left <= HEIGHT_MAX);
	node->height = (uint32_t)left & HEIGHT_MAX;
}

/* The child on @side goes up. Return: it. */
static struct carve_tree_node *rotate(struct carve_tree_node *node, int side)
{
	struct carve_tree_node *up = child_of(node, side);

	set_child(node, side, child_of(up, !side));
	set_child(up, !side, node);
	update(node);
	update(up);
	return up;
}

/* Return: what stands in the place of @node then, as below. */
static struct carve_tree_node *rebalance(struct carve_tree_node *node)
{
	int lean = lean_of(node);

	if (lean > 1 || lean < -1) {
		int side = lean < 0;
		struct carve_tree_node *child = child_of(node, side);

		if (side ? lean_of(child) > 0 : lean_of(child) < 0)
			set_child(node, side, rotate(child, !side));
		return rotate(node, side);
	}
	update(node);
	return node;
}

static struct carve_tree_node *insert(struct carve_tree_node *root,
				      struct carve_tree_node *node,
				      carve_tree_order order)
{
	int side;

	if (!root) {
		*node = (struct carve_tree_node){ .height = 1 };
		return node;
	}
	side = order(node, root);
	assert(side != 0);
	side = side > 0;
	set_child(root, side, insert(child_of(root, side), node, order));
	return rebalance(root);
}

void carve_tree_insert(struct carve_tree_node **root,
		       struct carve_tree_node *node, carve_tree_order order)
{
	*root = insert(*root, node, order);
}

/* Take the first node out of a tree that is not empty. */
static struct carve_tree_node *take_first(struct carve_tree_node *root,
					  struct carve_tree_node **first)
{
	struct carve_tree_node *left = child_of(root, 0);

	if (!left) {
		*first = root;
		return child_of(root, 1);
	}
	set_child(root, 0, take_first(left, first));
	return rebalance(root);
}

/* What is below @node, without it. */
static struct carve_tree_node *join(struct carve_tree_node *node)
{
	struct carve_tree_node *left = child_of(node, 0);
	struct carve_tree_node *right = child_of(node, 1), *next;

	if (!left || !right)
		return left ? left : right;
	right = take_first(right, &next);
	set_child(next, 0, left);
	set_child(next, 1, right);
	return rebalance(next);
}

static struct carve_tree_node *take_out(struct carve_tree_node *root,
					struct carve_tree_node *node,
					carve_tree_order order)
{
	int side;

	assert(root);
	if (root == node)
		return join(node);
	side = order(node, root) > 0;
	set_child(root, side, take_out(child_of(root, side), node, order));
	return rebalance(root);
}

void carve_tree_remove(struct carve_tree_node **root,
		       struct carve_tree_node *node, carve_tree_order order)
{
	*root = take_out(*root, node, order);
}

/* @low and @high: what the subtree has to lie between, NULL for no bound. */
static const char *check(const struct carve_tree_node *node,
			 const struct carve_tree_node *low,
			 const struct carve_tree_node *high,
			 carve_tree_order order, size_t *count)
{
	const char *wrong;

	if (!node)
		return NULL;
	if ((low && order(low, node) >= 0) || (high && order(node, high) >= 0))
		return "tree: nodes out of order";
	wrong = check(child_of(node, 0), low, node, order, count);
	if (!wrong)
		wrong = check(child_of(node, 1), node, high, order, count);
	if (wrong)
		return wrong;
	if (lean_of(node) > 1 || lean_of(node) < -1)
		return "tree: out of balance";

	int left = height_of(child_of(node, 0));
	int right = height_of(child_of(node, 1));

	if (height_of(node) != 1 + (left > right ? left : right))
		return "tree: wrong height";
	++*count;
	return NULL;
}

const char *carve_tree_check(const struct carve_tree_node *root,
			     carve_tree_order order, size_t *ret_count)
{
	size_t count = 0;
	const char *wrong = check(root, NULL, NULL, order, &count);

	if (!wrong)
		*ret_count = count;
	return wrong;
}
