// SPDX-License-Identifier: MIT
/*
 * The AVL tree of tree.h. Recursion goes as deep as the tree is high, 1.44
 * log2(n): 35 frames for 16 million extents.
 */
#include "tree.h"

#include <assert.h>

static int height_of(const struct carve_tree_node *node)
{
	return node ? node->height : 0;
}

static int lean_of(const struct carve_tree_node *node)
{
	return height_of(node->left) - height_of(node->right);
}

static void update(struct carve_tree_node *node)
{
	int left = height_of(node->left);
	int right = height_of(node->right);

	node->height = 1 + (left > right ? left : right);
}

static void rotate_right(struct carve_tree_node **link)
{
	struct carve_tree_node *node = *link;
	struct carve_tree_node *up = node->left;

	node->left = up->right;
	up->right = node;
	update(node);
	update(up);
	*link = up;
}

static void rotate_left(struct carve_tree_node **link)
{
	struct carve_tree_node *node = *link;
	struct carve_tree_node *up = node->right;

	node->right = up->left;
	up->left = node;
	update(node);
	update(up);
	*link = up;
}

static void rebalance(struct carve_tree_node **link)
{
	struct carve_tree_node *node = *link;
	int lean = lean_of(node);

	if (lean > 1) {
		if (lean_of(node->left) < 0)
			rotate_left(&node->left);
		rotate_right(link);
	} else if (lean < -1) {
		if (lean_of(node->right) > 0)
			rotate_right(&node->right);
		rotate_left(link);
	} else {
		update(node);
	}
}

void carve_tree_insert(struct carve_tree_node **link,
		       struct carve_tree_node *node, carve_tree_order order)
{
	if (!*link) {
		*node = (struct carve_tree_node){ .height = 1 };
		*link = node;
		return;
	}

	int side = order(node, *link);

	assert(side != 0);
	carve_tree_insert(side < 0 ? &(*link)->left : &(*link)->right, node,
			  order);
	rebalance(link);
}

/* Take the first node of a tree that is not empty. */
static struct carve_tree_node *take_first(struct carve_tree_node **link)
{
	struct carve_tree_node *node = *link;

	if (!node->left) {
		*link = node->right;
		return node;
	}

	struct carve_tree_node *first = take_first(&node->left);

	rebalance(link);
	return first;
}

void carve_tree_remove(struct carve_tree_node **link,
		       struct carve_tree_node *node, carve_tree_order order)
{
	assert(*link);

	if (*link != node) {
		carve_tree_remove(order(node, *link) < 0 ? &(*link)->left :
							   &(*link)->right,
				  node, order);
	} else if (node->left && node->right) {
		struct carve_tree_node *next = take_first(&node->right);

		next->left = node->left;
		next->right = node->right;
		*link = next;
	} else {
		*link = node->left ? node->left : node->right;
	}
	if (*link)
		rebalance(link);
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
	wrong = check(node->left, low, node, order, count);
	if (!wrong)
		wrong = check(node->right, node, high, order, count);
	if (wrong)
		return wrong;
	if (lean_of(node) > 1 || lean_of(node) < -1)
		return "tree: out of balance";

	int left = height_of(node->left);
	int right = height_of(node->right);

	if (node->height != 1 + (left > right ? left : right))
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
